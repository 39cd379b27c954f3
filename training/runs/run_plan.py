"""How long one process goes on with a run."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A stretch of a run; a run may be continued by many."""

    # Time of this stretch, in minutes of `clock`.
    minutes: float
    # What the minutes are: wall-clock time, or processor time of this process divided by the number of processors,
    # which is fair between runs on a machine that others use too.
    clock: Literal["wall", "cpu"] = "wall"
    # Share of it (or of `steps`, if those end sooner), at its end, in which the learning rate falls to zero; 0 keeps it
    # constant.
    decay_share: float = 0.0
    # At most this many steps, or no bound.
    steps: int | None = None
    # Forget an earlier decay and return to the peak learning rate.
    restarts_schedule: bool = False
    # Minutes between measures on held-out positions.
    validate_minutes: float = 5.0
    # Minutes between checkpoints.
    save_minutes: float = 4.0

    def __post_init__(self) -> None:
        """Raises ValueError for a time, share or count out of range."""
        if not self.minutes > 0:
            raise ValueError(f"expected minutes above 0, got {self.minutes}")
        if not 0 <= self.decay_share <= 1:
            raise ValueError(f"expected decay_share in [0, 1], got {self.decay_share}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"expected steps of at least 1, got {self.steps}")
        for name in ("validate_minutes", "save_minutes"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"expected {name} of at least 0, got {getattr(self, name)}")
