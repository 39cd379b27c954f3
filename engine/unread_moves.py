"""Words of a game in PGN that look like moves and are none; python-chess passes over them without a word."""

import re

import chess.pgn

_NO_MOVES = re.compile(r"\{[^}]*\}|;.*|^%.*|^\s*\[.*\]\s*$|[()]", re.MULTILINE)
_NUMBER_BEFORE = re.compile(r"\d+\.+")
_MARKS_BEHIND = re.compile(r"(?:[+#!?]|e\.p\.)+$")
_LOOKS_LIKE_A_MOVE = re.compile(r"[A-Za-z]\d")


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
