"""Measures how much expected score a player gives away per move, given the values of every legal move."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from training.evaluation.failures import EvaluationError
from training.evaluation.measures.move_chooser import MoveChooser, in_batches
from training.labels.label_formats import LabelledPosition, read_labels
from training.labels.move_regret import RegretReport, move_regret, report_regret


def read_positions(path: Path, limit: int | None = None) -> list[LabelledPosition]:
    """Reads positions with the value of every legal move.

    Args:
      path: a file of the `all` format of `label_formats`.
      limit: read only this many, from the beginning.

    Raises:
      LabelError: the file cannot be read or a line is malformed.
      EvaluationError: the file holds no position.
    """
    positions = list(islice(read_labels(path, "all"), limit))
    if not positions:
        raise EvaluationError(f"expected at least one labelled position in {path}, got none")
    return positions


def measure_regret(
    choose: MoveChooser,
    positions: Sequence[LabelledPosition],
    *,
    batch_size: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
) -> RegretReport:
    """Lets a player move once in each position and adds up what the moves give away.

    Args:
      choose: the player.
      positions: at least one.
      batch_size: positions given to the player at a time.
      on_progress: called with the number of positions finished since the last call.
    """
    regrets: list[float] = []
    for batch in in_batches(positions, batch_size):
        chosen = choose([position.board for position in batch])
        for position, move in zip(batch, chosen, strict=True):
            regrets.append(float(move_regret(position.values, position.moves.index(move))))
        on_progress(len(batch))
    return report_regret(regrets)
