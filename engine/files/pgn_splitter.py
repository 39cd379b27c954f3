"""Splits PGN text into games: their tags, and the words of their main lines.

Every token ends the one before it, as the standard's import format asks for, so neither blank lines nor line ends have
a meaning of their own: a tag begins a game wherever it stands after moves. What could be read in two ways is a fault
of the game, never a guess.
"""

import re
import sys
from collections.abc import Iterable, Iterator

from engine.files.plain_games import MOST_WORDS, PLAIN_GAME, GameText, Tag, plain_game, without_closed_comments
from engine.files.written_moves import RESULTS, are_unnumbered_moves, read_word

_TAG = re.compile(r'\[\s*([A-Za-z0-9]\w*)\s*"((?:[^"\\]|\\["\\])*)"\s*\]')
# To the end of the line: other quotes or none, quotes within quotes, backslashes that escape nothing.
_LOOSE_TAG = re.compile(r"\[\s*([A-Za-z0-9]\w*)\s*[:=]?\s*[\"'“”„‟‘’`´«»]*(.*?)[\"'“”„‟‘’`´«»]*\s*\]\s*$")
_EXACT_ONLY = re.compile(r"\]\s*\[")  # several tags in a line are not read loosely
_ESCAPED = re.compile(r'\\(["\\])')
_SPECIAL = re.compile(r"[{}()\[\];$]")
_TOKEN = re.compile(r"[{}()\[;]|\$\d*|[^{}()\[;$]+")
_COMMAND = re.compile(r"\[%[^\]]*\]")  # clock and drawing commands that stand outside of a comment
_TAG_IN_COMMENT = re.compile(r'\s*\[\s*[A-Za-z]\w*\s*["“].*\]\s*$')
_LOOKS_LIKE_A_TAG = re.compile(r"fen|variant|setup|(?:[^/]+/){3}", re.IGNORECASE)
_HEADER_KEYS = {"fen", "setup", "variant"}  # where a game starts, and by which rules


def split_games(blocks: Iterable[str]) -> Iterator[GameText]:
    r"""Yields the games of a PGN text, given in pieces of whole lines that end in `\n`."""
    splitter, number = _Splitter(), 0
    for block in blocks:
        place = 0
        while place < len(block):
            game = PLAIN_GAME.match(block, place) if block[place] == "[" else None
            if game is not None and splitter.add_plain(number + 1, game):
                place = game.end()
                number += game.group().count("\n")
            else:
                end = block.find("\n", place)
                end = len(block) if end < 0 else end
                number += 1
                splitter.add_line(number, block[place:end])
                place = end + 1
        yield from splitter.done
        splitter.done.clear()
    splitter.end()
    yield from splitter.done


class _Splitter:
    """Takes lines one by one; `done` holds the games that have ended."""

    def __init__(self) -> None:
        self.done: list[GameText] = []
        self._games = 0
        self._comment: int | None = None  # the line where it opens
        self._variations: list[int] = []  # lines where the open ones open
        self._free_line = 1  # the first on which moves without tags and numbers may be a game
        self._begin()

    def _begin(self) -> None:
        self._tags: list[Tag] = []
        self._places: dict[str, int] = {}  # of the tags, by their names in lower case
        self._tags_before_gap = 0
        self._gap = False  # a blank line since the last tag or word
        self._words: list[tuple[int, list[str]]] = []
        self._count = 0
        self._has_result = False
        self._fault: tuple[int, str] | None = None
        self._lost_tag: tuple[int, str] | None = None  # the fault of a line that may have been a tag
        self._first_line = 0

    def add_plain(self, number: int, match: re.Match[str]) -> bool:
        """Reads a whole game as programs write it, which takes a third of the time; returns whether it is one.

        Args:
          number: of its first line.
          match: of `PLAIN_GAME`.
        """
        is_begun = self._tags or self._words or self._fault is not None
        if self._comment is not None or self._variations or (is_begun and not self._has_result):
            return False
        if (text := plain_game(match, self._games + 1, number)) is None:
            return False
        self._finish()
        self._games += 1
        self._free_line = sys.maxsize
        self.done.append(text._replace(number=self._games, fault=self._fault))
        self._begin()
        return True

    def add_line(self, number: int, line: str) -> None:
        """Reads the next line of the text."""
        if self._comment is not None:
            self._go_on_with_comment(number, line)
        elif line.startswith("%"):
            return
        elif not line or line.isspace():
            self._gap = True
        elif not _SPECIAL.search(line):
            self._add_words(number, line.split())
        elif line[0] == "[" and not self._variations and (tag := _TAG.fullmatch(line)):
            self._add_tag(number, tag)
        else:
            self._add_tokens(number, line)

    def end(self) -> None:
        """Ends the last game."""
        if self._comment is not None:
            self._add_fault(self._comment, "expected a comment that closes, got one that never does")
        self._finish()

    def _go_on_with_comment(self, number: int, line: str) -> None:
        assert self._comment is not None
        if _TAG_IN_COMMENT.match(line):
            self._add_fault(self._comment, f"expected a comment that closes, got one open at the tag in line {number}")
            self._comment = None
            self._finish()
            self.add_line(number, line)
            return
        self._add_tokens(number, line[self._after_comment(line, 0, number) :])

    def _after_comment(self, line: str, start: int, number: int) -> int:
        """Returns where the text behind an open comment begins; the comment may go on behind the line."""
        end, opened = line.find("}", start), self._comment or number
        text = line[start:] if end < 0 else line[start:end]
        if "{" in text:
            self._add_fault(number, f"expected a comment that closes, got another '{{' in that of line {opened}")
        self._comment = opened if end < 0 else None
        return len(line) if end < 0 else end + 1

    def _add_tokens(self, number: int, line: str) -> None:
        line, start = without_closed_comments(line), 0
        words: list[str] = []  # added together, which is much faster
        while token := _TOKEN.search(line, start):
            text, start = token.group(), token.end()
            if len(text) > 1 or text not in "{}()[;":
                if text[0] != "$" and not self._variations:
                    words += text.split()
            else:
                self._add_words(number, words)
                words, start = [], self._add_special(number, line, start)
        self._add_words(number, words)

    def _add_special(self, number: int, line: str, start: int) -> int:
        """Reads what the sign before a place begins or closes; returns where the text goes on."""
        text = line[start - 1]
        if text == "{":
            return self._after_comment(line, start, number)
        if text == "[":
            return self._add_bracket(number, line, start - 1)
        if text == ";":
            return len(line)
        if text == "(":
            self._variations.append(number)
        elif text == ")" and self._variations:
            self._variations.pop()
        else:
            self._add_fault(number, f"expected a {text!r} that closes something, got one alone")
        return start

    def _add_bracket(self, number: int, line: str, start: int) -> int:
        """Reads a tag, or skips a command of comments; returns where the text goes on."""
        if command := _COMMAND.match(line, start):
            return command.end()
        # Within a line of moves only a tag that is written as the standard asks is one.
        is_within = bool(line[:start].strip() and self._words and not self._has_result)
        tag = _TAG.match(line, start)
        if tag is None and not is_within and not _EXACT_ONLY.search(line, start):
            tag = _LOOSE_TAG.match(line, start)
        if tag is not None:
            self._add_tag(number, tag)
            return tag.end()
        if not line[:start].strip() and self._words:
            self._end_before_tag()
        self._add_fault(number, f'expected a tag as [Name "value"], got {line[start : start + 80]}')
        if not self._words:
            self._lost_tag = self._fault
        return len(line)

    def _add_tag(self, number: int, match: re.Match[str]) -> None:
        if self._words or self._variations:
            self._end_before_tag()
        name, value = match.groups()
        tag = Tag(name, _ESCAPED.sub(r"\1", value) if "\\" in value else value, number)
        if self._gap:
            self._tags_before_gap = len(self._tags)
            self._gap = False
        key = name.lower()
        if key in self._places:
            self._repeat_tag(tag, self._places[key])
        self._first_line = self._first_line or number
        self._places[key] = len(self._tags)
        self._tags.append(tag)

    def _end_before_tag(self) -> None:
        """Ends the game at a tag behind words, unless these are a line that the header has lost."""
        words = [word for _, found in self._words for word in found]
        kinds = [read_word(word).kind for word in words]
        has_moves = not {"move", "null"}.isdisjoint(kinds) and kinds[0] != "text"
        if self._has_result or self._variations or has_moves or not self._tags:
            self._finish()
            return
        self._add_fault(self._words[0][0], f"expected tags or moves, got {words[0][:80]}")
        if not self._gap or any(map(_LOOKS_LIKE_A_TAG.search, words)):
            self._lost_tag = self._fault
        self._words = []

    def _repeat_tag(self, tag: Tag, place: int) -> None:
        """Begins a game at a tag that the game without moves before it has, too."""
        name, lost = tag.name.lower(), self._lost_tag
        own = self._tags[self._tags_before_gap :]
        if place < self._tags_before_gap:  # the tags since the blank line are those of the new game
            self._tags = self._tags[: self._tags_before_gap]
            self._finish()
            self._tags, self._places = own, {other.name.lower(): index for index, other in enumerate(own)}
            self._first_line = own[0].line if own else 0
        elif name == "event":
            self._finish()
            if any(other.name.lower() in _HEADER_KEYS for other in own):
                self._add_fault(tag.line, "expected one Event before the moves, got two and no blank line between")
        elif name in _HEADER_KEYS and own[place - self._tags_before_gap].value != tag.value:
            self._add_fault(tag.line, f"expected one tag {tag.name} in a game, got two that differ")
        if lost is not None:  # nobody knows to which of the two games it belonged
            self._add_fault(*lost)

    def _add_words(self, number: int, words: list[str]) -> None:
        if self._variations:
            return
        while words:
            if self._has_result or self._opens_game(number, words):
                self._finish()
            if RESULTS.isdisjoint(words):
                self._keep(number, words)
                return
            end = next(place for place, word in enumerate(words, 1) if word in RESULTS)
            self._keep(number, words[:end])
            self._has_result = True
            words = words[end:]

    def _opens_game(self, number: int, words: list[str]) -> bool:
        """Returns whether words begin a game without tags, at move 1 and not on the line of the moves before them."""
        is_later = self._words and not self._tags and number > self._words[-1][0]
        goes_on = len(words) > 1 and read_word(words[1]).dots > 1  # as in "1. ... e5"
        return bool(is_later) and not goes_on and read_word(words[0]).opens_game

    def _keep(self, number: int, words: list[str]) -> None:
        self._gap = False
        self._first_line = self._first_line or number
        self._count += len(words)
        if self._count <= MOST_WORDS:
            self._words.append((number, words))
        else:
            self._add_fault(number, f"expected a game of at most {MOST_WORDS} words, got more")

    def _check_words(self) -> None:
        """Decides, at the end of a game, about words that mean two things."""
        if not self._words:
            return
        result = self._tags[self._places["result"]].value if "result" in self._places else ""
        line, words = self._words[-1]
        if words[-1] == result == "0-0":  # lost by both sides; without the tag it castles
            self._words[-1] = (line, words[:-1])
        first = self._words[0][0]
        if not self._tags and (first < self._free_line or line > first):
            if are_unnumbered_moves(word for _, words in self._words for word in words):
                self._add_fault(first, "expected tags or move numbers, got moves that may be a game or a part of one")
        # What stands behind a game with tags may be a remark on it.
        self._free_line = sys.maxsize if self._tags else line + 1

    def _add_fault(self, number: int, reason: str) -> None:
        self._first_line = self._first_line or number
        self._fault = self._fault or (number, reason)

    def _finish(self) -> None:
        """Ends the game, if there is one: text around games is none."""
        if self._variations:
            self._add_fault(self._variations[-1], "expected a variation that closes, got one that never does")
            self._variations.clear()
        self._check_words()
        written = (word for _, words in self._words for word in words)
        is_broken = self._fault is not None and not self._words
        if self._tags or is_broken or any(read_word(word).is_of_game for word in written):
            self._games += 1
            self.done.append(GameText(self._games, self._first_line, self._tags, self._words, self._fault))
            self._begin()
            return
        line = self._first_line
        lost = any(_LOOKS_LIKE_A_TAG.search(word) for _, words in self._words for word in words)
        self._begin()
        if lost:  # the game behind it may not be one without it
            self._add_fault(line, "expected no text before a game that looks like one of its tags")
