"""Improves labels: searches the moves that a network prefers once more, all together.

A short search values all moves and a longer one finds the best; what the longer one refuted still stands only a little
below its choice, and whatever else the network would play has its value of the short search. A single search of the
network's favourites, the label's best move and its rivals tells these apart, which is what the network has to learn
(Ross, Gordon & Bagnell, 2011, ask for labels where the learner goes; here also for those of what it would do there).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

from engine.files.text_file import TextFile
from engine.player.evaluator import Evaluator
from training.labels.label_formats import LabelledPosition, parse_lines
from training.labels.label_source import LabelledGame, LabelWorker, Visit
from training.labels.student_games import load_student

_BOARDS = 64  # evaluated together; lines of a file go to the processes in parts of so many
_RIVAL_WITHIN = 0.0105  # of the label's best value: as near as a refuted move is put
_OPEN = (0.06, 0.94)  # best values between which there is something to find out


@dataclass(frozen=True, kw_only=True)
class FavouredMoves:
    """Improves files of labels in the `all` format; groups stay as they were.

    Attributes:
      paths: the files, read one after the other.
      weights: folder of the network.
      nodes_per_move: of the search, for each move that it is given.
      favourites: most moves that are searched because the network prefers them.
      least_probability: that a favourite has.
      rivals: most moves that are searched because the label hardly puts them below its best.
    """

    paths: tuple[Path, ...]
    weights: Path
    nodes_per_move: int = 1500
    favourites: int = 4
    least_probability: float = 0.02
    rivals: int = 3
    prefix = "f"
    is_endless = False

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        if self.nodes_per_move < 1 or self.favourites < 1 or self.rivals < 0:
            raise ValueError(
                "expected nodes_per_move and favourites of at least 1 and rivals of at least 0, got "
                f"{self.nodes_per_move}, {self.favourites}, {self.rivals}"
            )

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields this process's part of the positions, until the files end.

        Raises:
          CheckpointError: the folder is not a network that this version can play.
          LabelError: a file cannot be read, or is not of labels of all moves.
        """
        yield from search_favoured_moves(load_student(self.weights), self, worker)


def search_favoured_moves(evaluator: Evaluator, source: FavouredMoves, worker: LabelWorker) -> Iterator[LabelledGame]:
    """Yields labelled positions until the files end.

    Args:
      evaluator: the network.
      source: what is read and searched; its `weights` are not looked at.
      worker: has the teacher, and knows what is labelled already.
    """
    last_group = ""
    for path in source.paths:
        for part in _parts(path, worker):
            evaluations = evaluator.evaluate([labelled.board for labelled in part])
            for labelled, evaluation in zip(part, evaluations, strict=True):
                if labelled.group != last_group:
                    worker.new_game()
                    last_group = labelled.group
                values = _searched(labelled, np.asarray(evaluation.log_probs), source, worker)
                yield LabelledGame(labelled.group, [Visit(labelled.board.fen(en_passant="legal"), values)])


def moves_to_search(log_probs: np.ndarray, values: np.ndarray, source: FavouredMoves) -> list[int]:
    """Chooses the moves whose values are worth a search.

    Args:
      log_probs: `[L]` float, of the network's policy over the legal moves.
      values: `[L]` expected scores of the same moves, as labelled.
      source: says how many.

    Returns:
      Indices into the moves: the label's best one, the network's favourites, then the label's rivals of its best in the
      order in which the network prefers them.
    """
    best = int(np.argmax(values))
    preferred = [int(index) for index in np.argsort(-log_probs, kind="stable") if index != best]
    likely = [index for index in preferred[: source.favourites] if np.exp(log_probs[index]) > source.least_probability]
    rivals = [index for index in preferred if index not in likely and values[index] >= values[best] - _RIVAL_WITHIN]
    return [best, *likely, *rivals[: source.rivals]]


def _searched(
    labelled: LabelledPosition, log_probs: np.ndarray, source: FavouredMoves, worker: LabelWorker
) -> Sequence[float]:
    values: list[float] = labelled.values.tolist()
    chosen = moves_to_search(log_probs, labelled.values, source)
    if len(chosen) < 2 or not _OPEN[0] < max(values) < _OPEN[1]:
        return values
    moves = [move.uci() for move in labelled.moves]
    fen = labelled.board.fen(en_passant="legal")
    by_move = worker.with_moves_searched(
        fen, dict(zip(moves, values, strict=True)), [moves[index] for index in chosen], source.nodes_per_move
    )
    return [by_move[move] for move in moves]


def _parts(path: Path, worker: LabelWorker) -> Iterator[list[LabelledPosition]]:
    """Yields this process's parts of a file, without known positions."""
    with TextFile(path, "labels") as file:
        lines = file.lines()
        for number in count():
            part = list(islice(lines, _BOARDS))
            if not part:
                return
            if number % worker.processes == worker.number:
                read = parse_lines("all", str(path), number * _BOARDS + 1, part)
                new = [label for label in read if worker.known.add_fen(label.board.fen(en_passant="legal"))]
                if new:
                    yield new
