"""Reads the arguments of the page's calls from their JSON, and refuses in one line what is wrong."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import chess

from engine.view.ablation import HeadChoice
from engine.view.game_record import MAX_PLIES, GameRecordError, board_of
from engine.view.local_server import RequestError

Body = Mapping[str, Any]
_MOST_HEADS = 1024  # that a call may switch off
_Read = TypeVar("_Read")


def refusal(text: str) -> RequestError:
    """Returns the error for a wrong value."""
    return RequestError(HTTPStatus.BAD_REQUEST, text)


def board_in(body: Body) -> chess.Board:
    """Returns the position that `fen` and `moves` name, with its game in the move stack."""
    fen, moves = body.get("fen", chess.STARTING_FEN), body.get("moves", [])
    if not isinstance(fen, str):
        raise refusal(f"expected fen as text, got {type(fen).__name__}")
    if not isinstance(moves, list) or not all(isinstance(move, str) for move in moves):
        raise refusal(f"expected moves as a list of at most {MAX_PLIES} texts")
    return checked(lambda: board_of(fen, moves))


def playable_board_in(body: Body) -> chess.Board:
    """Returns the position, which must have a legal move."""
    board = board_in(body)
    if not any(board.legal_moves):
        raise refusal(f"expected a position with a legal move, got {board.fen()}")
    return board


def checked(read: Callable[[], _Read]) -> _Read:
    """Calls a function that reads a game, and turns its error into a refusal."""
    try:
        return read()
    except GameRecordError as error:
        raise refusal(str(error)) from None


def index_in(body: Body, name: str, count: int, default: int) -> int:
    """Returns an index from 0 to count - 1."""
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise refusal(f"expected {name} from 0 to {count - 1}, got {str(value)[:100]}")
    return value


def square_in(body: Body) -> chess.Square | None:
    """Returns `square`, None when it is not given."""
    name = body.get("square")
    if name is None:
        return None
    if name not in chess.SQUARE_NAMES:
        raise refusal(f"expected square as a1 to h8, got {str(name)[:100]}")
    return chess.parse_square(name)


def heads_off_in(body: Body) -> HeadChoice:
    """Returns `off`, pairs of block and head, each once and in order."""
    pairs = body.get("off", [])
    if not isinstance(pairs, list) or len(pairs) > _MOST_HEADS or not all(map(_is_pair, pairs)):
        raise refusal(f"expected off as a list of pairs [block, head], got {str(pairs)[:100]}")
    return tuple(sorted({(block, head) for block, head in pairs}))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)
