"""Reads opening books in Polyglot's format, which chess programs share."""

import errno
import os
import random
from collections.abc import Collection
from pathlib import Path

import chess
import chess.polyglot


class BookError(ValueError):
    """Reports a book that cannot be opened; the text is one line."""


class PolyglotBook:
    """Proposes moves by their weights in the book."""

    def __init__(self, path: Path) -> None:
        """Opens a book.

        Raises:
          BookError: the file cannot be read or is no book.
        """
        try:
            if path.is_dir():  # python-chess takes it for an empty book
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not path.stat().st_size:  # and so for an empty file
                raise ValueError
            self._reader = chess.polyglot.open_reader(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its size is not that of a book"
            raise BookError(f"expected a Polyglot book for BookFile, got {ascii(str(path))} ({reason})") from error

    def choose(self, board: chess.Board, allowed: Collection[chess.Move], rng: random.Random) -> chess.Move | None:
        """Returns a legal move of the book, drawn by weight, or None.

        Args:
          board: the position.
          allowed: the moves to choose from; empty: every legal move.
          rng: consumed only when the book has a move.
        """
        entries = [entry for entry in self._reader.find_all(board) if not allowed or entry.move in allowed]
        if not entries:
            return None
        return rng.choices(entries, [entry.weight for entry in entries])[0].move

    def close(self) -> None:
        """Releases the file."""
        self._reader.close()
