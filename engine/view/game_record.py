"""Games as the page sends them: a FEN with moves, or PGN; what cannot be played is refused with one line."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import chess

from engine.pgn_games import read_game

MAX_PLIES = 2000
_LARGEST_COUNTER = 32767  # What the encodings and other programs hold in 16 bits.
_SHOWN = 100


class GameRecordError(ValueError):
    """A position, move or game is impossible; the text is one line."""


@dataclass(frozen=True, kw_only=True)
class RecordedGame:
    """The main line of a game.

    Attributes:
      fen: where it starts.
      moves: in UCI text.
      headers: PGN tags, such as White, Black, Result.
    """

    fen: str
    moves: tuple[str, ...]
    headers: dict[str, str]


def board_of(fen: str, moves: Sequence[str] = ()) -> chess.Board:
    """Returns the board after the moves, with the game in its move stack.

    Args:
      fen: of the start; its last fields may be missing. Standard chess only.
      moves: in UCI text.

    Raises:
      GameRecordError: the FEN cannot be read, no game can reach the position, or a move is illegal.
    """
    if len(moves) > MAX_PLIES:
        raise GameRecordError(f"expected at most {MAX_PLIES} moves, got {len(moves)}")
    try:
        board = chess.Board(fen)
    except (ValueError, IndexError) as error:
        raise GameRecordError(f"expected a FEN, got {_shown(fen)} ({str(error)[:_SHOWN]})") from None
    _check_possible(board, fen)
    for number, text in enumerate(moves, start=1):
        try:
            move = board.parse_uci(text)
        except ValueError:
            move = chess.Move.null()
        if not move:
            raise GameRecordError(f"expected a legal move, got {_shown(text)} as move {number} in {board.fen()}")
        board.push(move)
    return board


def read_pgn(text: str) -> RecordedGame:
    """Reads the first game of a PGN text; comments and variations are left out.

    Raises:
      GameRecordError: there is no game, it is not standard chess, or it has an illegal move.
    """
    game = read_game(io.StringIO(text))
    if game is None or not (game.variations or "FEN" in game.headers or game.errors):
        raise GameRecordError(f"expected a game in PGN, got {_shown(text)}")
    if game.errors:
        raise GameRecordError(f"expected legal moves in the PGN, got: {_shown(str(game.errors[0]))}")
    try:
        start = game.board()
    except ValueError as error:
        raise GameRecordError(
            f"expected a game of standard chess from a readable FEN, got: {_shown(str(error))}"
        ) from None
    if type(start) is not chess.Board or start.chess960:
        raise GameRecordError(f"expected a game of standard chess, got {game.headers.get('Variant')}")
    moves = tuple(move.uci() for move in game.mainline_moves())
    board_of(start.fen(), moves)
    return RecordedGame(fen=start.fen(), moves=moves, headers={key: str(value) for key, value in game.headers.items()})


def _check_possible(board: chess.Board, fen: str) -> None:
    reasons = [
        str(status.name).lower().replace("_", " ") for status in chess.Status if board.status() & status and status.name
    ]
    if board.halfmove_clock > _LARGEST_COUNTER or board.fullmove_number > _LARGEST_COUNTER:
        reasons.append("move counter too large")
    if reasons:
        raise GameRecordError(f"expected a position that a game can reach, got {_shown(fen)} ({', '.join(reasons)})")


def _shown(text: str) -> str:
    """Returns a text of any length and content as a short printable one."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
