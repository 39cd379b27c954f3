"""Reads a game as programs write it in one step: most files hold nothing else, and it takes a third of the time."""

import re
from typing import NamedTuple

from engine.files.written_moves import RESULTS

MOST_WORDS = 50_000
# A game with one tag a line, an empty line, moves with comments that close in their line, and a tag behind it.
PLAIN_GAME = re.compile(
    r'((?:\[[A-Za-z0-9]\w* "[^"\\\n]*"\]\n)++)\n((?:[^\[\](){}%;$]++|\{[^{}\n]*+\})++)(?<=\n)(?=\[)', re.ASCII
)
_PLAIN_TAG = re.compile(r'\[(\w+) "([^"\n]*)"\]')
_SKIPPED = re.compile(r"\{[^{}]*\}|\$\d+")
_COMMENT = re.compile(r"\{[^}]*\}")


class Tag(NamedTuple):
    """Holds a tag: its name and value, and the number of its line."""

    name: str
    value: str
    line: int


class GameText(NamedTuple):
    """Holds a game as written.

    Attributes:
      number: in the file, from 1.
      line: where it begins, from 1.
      tags: in the file's order.
      words: by lines, main line only: move numbers, moves, results, marks.
      fault: the line and the reason, if the text cannot be divided with certainty.
    """

    number: int
    line: int
    tags: list[Tag]
    words: list[tuple[int, list[str]]]
    fault: tuple[int, str] | None


def plain_game(match: re.Match[str], number: int, line: int) -> GameText | None:
    """Returns a game, None if it has to be read word by word after all.

    Args:
      match: of `PLAIN_GAME`.
      number: of the game.
      line: of its first line, counted from 1.
    """
    header, moves = match.groups()
    tags = [Tag(name, value, line) for line, (name, value) in enumerate(_PLAIN_TAG.findall(header), line)]
    lines = enumerate(_COMMENT.sub(" ", moves).split("\n"), line + len(tags) + 1)
    words = [(line, found) for line, text in lines if (found := text.split())]
    last = words[-1][1] if words else [""]
    results = sum(not RESULTS.isdisjoint(found) for _, found in words)
    if last[-1] not in RESULTS or results > 1 or not RESULTS.isdisjoint(last[:-1]):
        return None
    if len({tag.name.lower() for tag in tags}) < len(tags) or sum(len(found) for _, found in words) > MOST_WORDS:
        return None
    return GameText(number, line, tags, words, None)


def without_closed_comments(line: str) -> str:
    """Returns a line of moves without comments that close in it and numeric glyphs, if it surely has nothing else."""
    opened = line.rfind("{")
    end = opened if opened > line.rfind("}") else len(line)  # of what stands before a comment that goes on
    plain = _SKIPPED.sub(" ", line[:end])
    # A brace that is left closes or opens another comment; a bracket may begin a tag that holds braces.
    return line if any(sign in plain for sign in "{}[") else plain + line[end:]
