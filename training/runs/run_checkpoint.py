"""Saves and restores the state of a run with Orbax; a checkpoint is complete or absent."""

from pathlib import Path
from typing import Protocol, TypeVar, cast

import chex
import jax
import orbax.checkpoint as ocp


class CountsSteps(Protocol):
    """A state with the number of its step."""

    step: jax.Array  # [] int32


StateT = TypeVar("StateT", bound=CountsSteps)
KEPT = 2  # if a process is killed while it writes the newest, the one before is left


class RunCheckpoints:
    """The checkpoints in a run's folder.

    Args:
      folder: the run's folder; checkpoints go to `checkpoints` in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = (folder / "checkpoints").resolve()
        options = ocp.CheckpointManagerOptions(max_to_keep=KEPT, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(
            self._folder, options=options, item_handlers=ocp.StandardCheckpointHandler()
        )

    def save(self, state: CountsSteps) -> None:
        """Writes the state under its step; does nothing if that step is saved already."""
        self._manager.save(int(state.step), args=ocp.args.StandardSave(state))

    def restore_latest(self, like: StateT) -> StateT | None:
        """Returns the newest saved state, or None if there is none.

        Args:
          like: a state of the same run, for structure, shapes and types.

        Raises:
          ValueError: the newest state is of another network or optimiser.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        differing = _shapes(self._manager.item_metadata(step).tree) ^ _shapes(abstract)
        if differing:
            name, shape = min(differing)
            raise ValueError(
                f"expected a state of the run's network and optimiser in {self._folder / str(step)}, "
                f"got one that differs in {name} {list(shape)}"
            )
        return cast(StateT, self._manager.restore(step, args=ocp.args.StandardRestore(abstract)))

    def close(self) -> None:
        """Waits for pending writes."""
        self._manager.close()


def _shapes(tree: chex.ArrayTree) -> set[tuple[str, tuple[int, ...]]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {(jax.tree_util.keystr(path, simple=True, separator="."), tuple(leaf.shape)) for path, leaf in leaves}
