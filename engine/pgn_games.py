"""Games from PGN, with all that is wrong with them: also words that python-chess passes over without one."""

import re
from typing import TextIO, cast

import chess.pgn

_NO_MOVES = re.compile(r"\{[^}]*\}|;.*|^%.*|^\s*\[.*\]\s*$|[()]", re.MULTILINE)
_NUMBER_BEFORE = re.compile(r"\d+\.+")
_MARKS_BEHIND = re.compile(r"(?:[+#!?]|e\.p\.)+$")
_LOOKS_LIKE_A_MOVE = re.compile(r"[A-Za-z]\d")


def read_game(stream: TextIO) -> chess.pgn.Game | None:
    """Reads the next game; nothing is logged.

    Args:
      stream: of PGN, at the beginning of a game.

    Returns:
      The game, None at the end; its `errors` begin with a word that looks like a move and is none, if there is one.
    """
    tape = _Tape(stream)
    game = chess.pgn.read_game(cast(TextIO, tape), Visitor=_QuietBuilder)
    if game is not None and (word := unread_move("".join(tape.lines))) is not None:
        game.errors.insert(0, ValueError(word))
    return game


def unread_move(pgn: str) -> str | None:
    """Returns the first word that ends in a square or the like but cannot be read as a move, None if all can.

    Args:
      pgn: text of one game.
    """
    for word in _NO_MOVES.sub(" ", pgn).split():
        move = _MARKS_BEHIND.sub("", _NUMBER_BEFORE.sub("", word))
        if _LOOKS_LIKE_A_MOVE.search(move) and not chess.pgn.MOVETEXT_REGEX.fullmatch(move):
            return word
    return None


class _Tape:
    """Keeps the lines that python-chess reads of a stream; it asks for nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lines: list[str] = []

    def readline(self) -> str:
        """Reads a line."""
        self.lines.append(self._stream.readline())
        return self.lines[-1]


class _QuietBuilder(chess.pgn.GameBuilder[chess.pgn.Game]):
    """Keeps errors with the game; the usual builder also logs them."""

    def handle_error(self, error: Exception) -> None:
        self.game.errors.append(error)
