"""Provides openings for paired games: from the built-in books, and short random ones."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import chess

from training.evaluation.failures import EvaluationError
from training.labels.balanced_openings import BALANCED_OPENINGS


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Holds a position and moves from it, after which a game begins.

    Attributes:
      name: shown in PGN.
      moves: legal from the starting position, leaving at least one legal move.
      start_fen: where the moves begin; None for the usual starting position.
      chess960: whether castling follows the rules of Chess960.
    """

    name: str
    moves: tuple[chess.Move, ...]
    start_fen: str | None = None
    chess960: bool = False

    def start(self) -> chess.Board:
        """Returns a new board before the moves."""
        return chess.Board(self.start_fen or chess.STARTING_FEN, chess960=self.chess960)

    def board(self) -> chess.Board:
        """Returns a new board with the moves played, history included."""
        board = self.start()
        for move in self.moves:
            board.push(move)
        return board


START = Opening(name="Starting position", moves=())


def parse_opening(name: str, moves_text: str) -> Opening:
    """Reads an opening from UCI moves.

    Args:
      name: what to call it.
      moves_text: moves in UCI notation, separated by spaces.

    Raises:
      EvaluationError: a move is malformed or illegal, or the game is over after the last one.
    """
    board = chess.Board()
    for text in moves_text.split():
        try:
            move = board.parse_uci(text)
            if not move:
                raise ValueError("a null move")
        except ValueError as error:
            raise EvaluationError(
                f"expected UCI moves for opening {name!r}, got {text!r} at ply {board.ply() + 1}: "
                f"not legal in {board.fen()}"
            ) from error
        board.push(move)
    if not any(board.legal_moves):
        raise EvaluationError(f"expected opening {name!r} to leave a legal move, got {moves_text!r}")
    return Opening(name=name, moves=tuple(board.move_stack))


def balanced_openings() -> list[Opening]:
    """Returns the built-in book."""
    return [parse_opening(name, moves) for name, moves in BALANCED_OPENINGS]


def chess960_starts() -> list[Opening]:
    """Returns the 960 starting positions of Chess960, by their numbers in Scharnagl's scheme."""
    boards = [chess.Board.from_chess960_pos(number) for number in range(960)]
    return [
        Opening(name=f"Chess960 position {number}", moves=(), start_fen=board.fen(), chess960=True)
        for number, board in enumerate(boards)
    ]


def book_digest(openings: Sequence[Opening]) -> str:
    """Returns the sha256 of the positions and moves of the openings, in their order."""
    digest = hashlib.sha256()
    for opening in openings:
        moves = " ".join(move.uci() for move in opening.moves)
        digest.update(f"{opening.start_fen or chess.STARTING_FEN}|{int(opening.chess960)}|{moves}\n".encode())
    return digest.hexdigest()


def draw_openings(openings: Sequence[Opening], count: int, seed: int) -> list[Opening]:
    """Draws openings without replacement, and starts over when the book is used up.

    Args:
      openings: the book, at least one.
      count: how many.
      seed: fixes the draw.
    """
    generator = random.Random(seed)
    drawn: list[Opening] = []
    while len(drawn) < count:
        drawn += generator.sample(openings, len(openings))
    return drawn[:count]


def start_and_random_openings(count: int, max_plies: int, seed: int) -> list[Opening]:
    """Returns the starting position and openings of uniformly random moves, alternately.

    Args:
      count: how many; the first is the starting position.
      max_plies: random openings have 1 to this many plies.
      seed: fixes the moves.
    """
    generator = random.Random(seed)
    return [START if index % 2 == 0 else _random_opening(generator, max_plies) for index in range(count)]


def _random_opening(generator: random.Random, max_plies: int) -> Opening:
    while True:
        board = chess.Board()
        for _ in range(generator.randint(1, max_plies)):
            if not any(board.legal_moves):
                break
            board.push(generator.choice(sorted(board.legal_moves, key=chess.Move.uci)))
        if any(board.legal_moves):
            return Opening(name=f"{len(board.move_stack)} random plies", moves=tuple(board.move_stack))
