"""Reads games as the page sends them, a FEN with moves or PGN, and refuses in one line what cannot be played."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import chess

from engine.files.pgn_games import PgnGame, games_of_text, read_games
from engine.files.position_lines import check_possible
from engine.files.skipped_entries import EntryFault, Skipped

MAX_PLIES = 2000
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
    try:
        check_possible(board, fen)
    except ValueError as error:
        raise GameRecordError(str(error)) from None
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
    """Reads the first game of a PGN text that has moves or a position; comments and variations are left out.

    Raises:
      GameRecordError: there is none, it is not chess, or something in it is no legal move.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    return _first(games_of_text([lines], "the PGN"), _shown(text))


def read_pgn_file(path: Path) -> RecordedGame:
    """Reads the first game of a PGN file; see `read_pgn`.

    Args:
      path: the file, in any encoding, compressed or not; `-` is standard input.

    Raises:
      GameRecordError: see `read_pgn`.
      FileError: the file cannot be read.
    """
    return _first(read_games(path), str(path))


def _first(games: Iterable[PgnGame | Skipped], shown: str) -> RecordedGame:
    for game in games:
        if isinstance(game, EntryFault):
            raise GameRecordError(str(game))
        if isinstance(game, PgnGame):
            return _recorded(game)
    raise GameRecordError(f"expected a game in PGN, got {shown}")


def _recorded(game: PgnGame) -> RecordedGame:
    if game.start.has_chess960_castling_rights():
        raise GameRecordError(f"expected a game of chess, got one of Chess960 that may castle: {game.start.fen()}")
    fen = game.start.fen()
    # Without such rights the moves are those of chess, but for how Chess960 writes castling.
    board = chess.Board(fen)
    for move in game.moves[: MAX_PLIES + 1]:
        board.push_uci(move.uci())
    moves = tuple(move.uci() for move in board.move_stack)
    board_of(fen, moves)
    return RecordedGame(fen=fen, moves=moves, headers=game.tags)


def _shown(text: str) -> str:
    """Returns a text of any length and content as a short printable one."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
