"""Measures how many Lichess puzzles a player solves, over all and by rating.

The first move of a puzzle is the opponent's; the solver plays the second, the fourth and so on.
A puzzle is solved if every solver move is the listed one; a move that mates is always right and
solves it on the spot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import chess

from engine.files.puzzle_lines import Puzzle, read_puzzles
from engine.files.skipped_entries import SkippedEntries
from engine.files.text_file import FileError, shown_name
from training.evaluation.failures import EvaluationError
from training.evaluation.measures.move_chooser import MoveChooser, in_batches
from training.reporting.sampling_error import MeanEstimate, estimate_mean

BAND_WIDTH = 400  # rating points


@dataclass(frozen=True, kw_only=True)
class PuzzleReport:
    """Holds the shares of puzzles solved.

    Attributes:
      solved: over all puzzles.
      solved_by_band: keyed by the band's lowest rating, a multiple of 400; empty bands left out.
    """

    solved: MeanEstimate
    solved_by_band: dict[int, MeanEstimate]


class _Attempt:
    """Follows a puzzle while it is being solved; `solved` is None until decided."""

    def __init__(self, puzzle: Puzzle) -> None:
        self._moves = puzzle.moves
        self.board = chess.Board(puzzle.fen)
        self.board.push(puzzle.moves[0])
        self.solved: bool | None = None

    def answer(self, move: chess.Move) -> None:
        """Plays the solver's move, and the opponent's reply if the puzzle goes on."""
        ply = len(self.board.move_stack)
        self.board.push(move)
        if self.board.is_checkmate():
            self.solved = True
        elif move != self._moves[ply]:
            self.solved = False
        elif ply + 1 == len(self._moves):
            self.solved = True
        else:
            self.board.push(self._moves[ply + 1])


def rated_puzzles(path: Path, limit: int | None = None, *, strict: bool = False) -> list[Puzzle]:
    """Reads puzzles with their ratings; lines that cannot be read are skipped, and listed on standard error.

    Args:
      path: CSV as Lichess publishes it, compressed or not; `-` is standard input.
      limit: read only this many, from the beginning.
      strict: refuse a file of which a line cannot be read.

    Raises:
      EvaluationError: the file cannot be read, there is no puzzle, or a line is malformed and `strict`.
    """
    skipped = SkippedEntries(strict=strict)
    try:
        puzzles = list(islice(skipped.usable(read_puzzles(path, needs_rating=True)), limit))
    except FileError as error:
        raise EvaluationError(str(error)) from error
    skipped.report()
    if not puzzles:
        raise EvaluationError(f"expected at least one puzzle in {shown_name(path)}, got none")
    return puzzles


def solve_puzzles(
    choose: MoveChooser,
    puzzles: Sequence[Puzzle],
    *,
    batch_size: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[bool]:
    """Returns for each puzzle whether the player solves it.

    Args:
      choose: the player; it sees each puzzle's board with the puzzle's moves as history.
      puzzles: the puzzles.
      batch_size: puzzles worked on at a time.
      on_progress: called with the number of puzzles finished since the last call.
    """
    solved: list[bool] = []
    for batch in in_batches(puzzles, batch_size):
        attempts = [_Attempt(puzzle) for puzzle in batch]
        while unfinished := [attempt for attempt in attempts if attempt.solved is None]:
            chosen = choose([attempt.board for attempt in unfinished])
            for attempt, move in zip(unfinished, chosen, strict=True):
                attempt.answer(move)
        solved += [attempt.solved is True for attempt in attempts]
        on_progress(len(batch))
    return solved


def report_puzzles(puzzles: Sequence[Puzzle], solved: Sequence[bool]) -> PuzzleReport:
    """Returns the share solved, over all and by rating band.

    Args:
      puzzles: at least one.
      solved: for each puzzle whether it was solved.
    """
    by_band: dict[int, list[float]] = {}
    for puzzle, is_solved in zip(puzzles, solved, strict=True):
        assert puzzle.rating is not None, puzzle
        band = puzzle.rating // BAND_WIDTH * BAND_WIDTH
        by_band.setdefault(band, []).append(float(is_solved))
    return PuzzleReport(
        solved=estimate_mean([float(is_solved) for is_solved in solved]),
        solved_by_band={band: estimate_mean(by_band[band]) for band in sorted(by_band)},
    )
