"""Skips, counts and lists the entries of a file that cannot be read, or ends the run at the first."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from engine.files.text_file import FileError

LISTED = 10
_Entry = TypeVar("_Entry")


class EntryFault(NamedTuple):
    """Says which entry of a file cannot be read, and why.

    Attributes:
      file: the file's name.
      line: where the fault is, counted from 1.
      entry: of which entry, such as "game 3"; empty where an entry is a line.
      reason: one line: what was expected and what came.
    """

    file: str
    line: int
    entry: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}"
        return f"{place}, {self.entry}: {self.reason}" if self.entry else f"{place}: {self.reason}"


class EmptyGame(NamedTuple):
    """Stands for a game without moves, such as a forfeit.

    Attributes:
      line: where it begins, counted from 1.
    """

    line: int


Skipped = EntryFault | EmptyGame


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class SkippedEntries:
    """Counts the entries that are skipped, and lists the first ten faults as they come.

    Args:
      strict: whether the first fault ends the run.
      write: takes a line; standard error by default.
    """

    def __init__(self, *, strict: bool = False, write: Callable[[str], None] = _print) -> None:
        self._strict, self._write = strict, write
        self.faults = 0
        self.empty = 0

    def skip(self, skipped: Skipped) -> None:
        """Counts an entry that cannot be used.

        Raises:
          FileError: it is a fault, and faults end the run.
        """
        if isinstance(skipped, EmptyGame):
            self.empty += 1
            return
        if self._strict:
            raise FileError(str(skipped))
        self.faults += 1
        if self.faults <= LISTED:
            self._write(f"skipped {skipped}")

    def usable(self, entries: Iterable[_Entry | EntryFault | EmptyGame]) -> Iterator[_Entry]:
        """Yields the entries that can be used and skips the others.

        Raises:
          FileError: one cannot be read, and faults end the run.
        """
        for entry in entries:
            if isinstance(entry, EntryFault | EmptyGame):
                self.skip(entry)
            else:
                yield entry

    def summary(self) -> str:
        """Returns how many were skipped, as a part of a sentence; empty if none were."""
        parts = []
        if self.faults:
            parts.append(f"skipped {self.faults} that could not be read")
        if self.empty:
            parts.append(f"{'' if parts else 'skipped '}{self.empty} without moves")
        return " and ".join(parts)

    def report(self) -> None:
        """Writes the summary, if anything was skipped."""
        if summary := self.summary():
            self._write(summary)
