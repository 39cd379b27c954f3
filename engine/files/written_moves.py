"""Reads the words of a game's main line: move numbers, moves as people and programs write them, results, marks.

Beyond the standard's algebraic notation: moves in long and coordinate form, castling with zeros, small letters and any
dashes, captures with `:`, figurines, `e.p.`, and evaluations behind a move.
"""

import functools
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import chess

Kind = Literal["move", "null", "result", "mark", "number", "text"]
RESULTS = frozenset(
    ("1-0", "0-1", "1/2-1/2", "1/2", "*", "½-½", "½", "1–0", "0–1", "1/2–1/2", "½–½", "1‑0", "0‑1", "1−0", "0−1")
    + ("+:-", "-:+", "-:-")  # won without play
)
_DASHES = dict.fromkeys("‐‑‒–—―−﹣－", "-")
_FIGURINES = dict(zip("♔♕♖♗♘♙♚♛♜♝♞♟", ["K", "Q", "R", "B", "N", ""] * 2, strict=True))
_PLAIN = str.maketrans({**_DASHES, **_FIGURINES, "×": "x", "†": "+", "‡": "#", "…": "...", "О": "O", "о": "o"})
_NUMBERED = re.compile(r"(\d{1,5})(\.*)(.*)")
_EVALUATION = re.compile(r"[+-]?\d*\.\d{1,3}(/\d+)?s?|[+-][#M]?\d+(/\d+)?|\d+(\.\d+)?s|\+?-?M\d+(/\d+)?")
_NULL = re.compile(r"(--|Z0|0000|@@@@|<>|null|pass)[+#!?]*", re.IGNORECASE)
_GLYPHS = r"[!?]{1,4}|\+/?-|-/?\+|\+/?=|=/?\+|-/\+|[=~]|=\+|±|∓|⩲|⩱|∞|□|⌓|⟳|→|↑|⇆|N|TN|D|#|\+{1,2}|e\.?p\.?|ch\.?|mate"
_MARK = re.compile(rf"(?:{_GLYPHS})+")
_MOVE = re.compile(
    r"(?P<castling>[O0o]-[O0o](?:-[O0o])?)"
    r"|(?P<piece>[KQRBN])(?P<from>[a-h]?[1-8]?)(?P<sign>[-x:]?)(?P<to>[a-h][1-8])"
    r"|(?P<start>[a-h]?[1-8]?)(?P<pawn_sign>[-x:]?)(?P<end>[a-h][1-8])(?P<promotion>(?<=[18])[=/]?[QRBNqrbn])?"
)
_MARKS_OR_PIECES = {"N": "N", "D": "Q"}  # a novelty or a knight, a diagram or a German queen
_TAIL = re.compile(rf"(?:{_GLYPHS})*")


class Word(NamedTuple):
    """Says what a word of a main line is.

    Attributes:
      kind: a move, or what else it is; "text" is none of what may stand there.
      number: of the move, before it or alone.
      dots: behind the number, or alone; two or more stand before a move of Black's.
      san: the move as python-chess reads it.
      captures: whether the move is written as a capture.
    """

    kind: Kind
    number: int | None = None
    dots: int = 0
    san: str = ""
    captures: bool = False

    @property
    def is_of_game(self) -> bool:
        """Whether the word can only stand in a game."""
        return self.kind == "move" or (self.number is not None and self.dots > 0)

    @property
    def opens_game(self) -> bool:
        """Whether it is the number of the first move of a game, White's."""
        return self.number == 1 and self.dots < 2


@functools.lru_cache(maxsize=1 << 16)
def read_word(written: str) -> Word:
    """Returns what a word says.

    Args:
      written: without spaces; tags, comments, variations and numeric glyphs are not words.
    """
    if written in RESULTS:
        return Word("result")
    text = written.translate(_PLAIN)
    if text.strip(".") == "":
        return Word("number", None, len(text))
    if _EVALUATION.fullmatch(text) and not text.endswith("."):
        return Word("mark")
    if (match := _NUMBERED.fullmatch(text)) and not _NULL.fullmatch(text):
        number, dots, rest = match.groups()
        if not rest:
            return Word("number", int(number), len(dots))
        if dots:
            return _unnumbered(rest)._replace(number=int(number), dots=len(dots))
    return _unnumbered(text)


def _unnumbered(text: str) -> Word:
    if text in RESULTS:
        return Word("result")
    if _NULL.fullmatch(text):
        return Word("null")
    if _MARK.fullmatch(text):
        return Word("mark")
    match = _MOVE.match(text)
    if match is None or not _TAIL.fullmatch(text, match.end()):
        return Word("text")
    if castling := match["castling"]:
        return Word("move", san="O-O-O" if len(castling) == 5 else "O-O")
    piece, sign = match["piece"] or "", match["sign"] or match["pawn_sign"] or ""
    origin, target = match["from"] or match["start"] or "", match["to"] or match["end"]
    if not piece and len(origin) == 1 and origin in f"{target[0]}12345678":
        return Word("text")  # as in ee4 and 2-a3, a character too many or too few
    promotion = (match["promotion"] or "").lstrip("=/").upper()
    san = f"{piece}{origin}{'x' if sign in ('x', ':') else ''}{target}{'=' + promotion if promotion else ''}"
    return Word("move", san=san, captures=sign in ("x", ":"))


def are_unnumbered_moves(written: Iterable[str]) -> bool:
    """Returns whether words include moves, and none of them a number."""
    words = [read_word(text) for text in written]
    return any(word.is_of_game for word in words) and all(word.number is None for word in words)


class MoveError(ValueError):
    """The words of a game are not one of chess; the text is one line.

    Args:
      line: where, counted from 1.
      reason: what was expected and what came.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def play_words(start: chess.Board, words: list[tuple[int, list[str]]]) -> list[chess.Move]:
    """Plays the words of a main line.

    Args:
      start: the position before them, left as it is.
      words: with the numbers of their lines.

    Returns:
      The moves.

    Raises:
      MoveError: a word is no move, a move is illegal or ambiguous, or a number contradicts the moves before it.
    """
    board, numbering = start.copy(stack=False), _Numbering(start)
    letter = ""  # the word before is a mark, but also a piece's letter
    for line, texts in words:
        for text in texts:
            word = read_word(text)
            numbering.check(word, board, line, text)
            if word.kind in ("move", "null", "text"):
                if letter and word.number is None and _is_move_of(letter, board, word):
                    raise MoveError(line, f"expected legal moves, got {letter} {text}, which is read in two ways")
                board.push(_move(board, word, text, line))
            letter = text if text in _MARKS_OR_PIECES else ""
    return board.move_stack


def _move(board: chess.Board, word: Word, text: str, line: int) -> chess.Move:
    if word.kind == "null":
        raise MoveError(line, f"expected legal moves, got the null move {text}, which chess does not have")
    if word.kind == "text":
        raise MoveError(line, f"expected legal moves, got {text[:80]}")
    try:
        move = board.parse_san(word.san)
    except ValueError as error:
        said = "ambiguous" if isinstance(error, chess.AmbiguousMoveError) else "not legal"
        raise MoveError(line, f"expected legal moves, got {text} ({said} in {board.fen()})") from None
    if word.captures and not board.is_capture(move):
        raise MoveError(line, f"expected legal moves, got {text} (nothing to capture in {board.fen()})")
    return move


def _is_move_of(letter: str, board: chess.Board, word: Word) -> bool:
    try:
        return bool(board.parse_san(f"{_MARKS_OR_PIECES[letter]}{word.san}"))
    except ValueError:
        return False


class _Numbering:
    """Checks move numbers against the moves; a game from another start may count from any number."""

    def __init__(self, start: chess.Board) -> None:
        self._ahead: int | None = None if start.fen() != chess.STARTING_FEN else 0
        self._number_before = True  # a mark belongs behind a move

    def check(self, word: Word, board: chess.Board, line: int, text: str) -> None:
        """Raises MoveError if a word contradicts the position before it."""
        if word.kind == "mark":
            if self._number_before:
                raise MoveError(line, f"expected a move behind its number, got {text}")
            return
        if word.number is not None:
            self._ahead = word.number - board.fullmove_number if self._ahead is None else self._ahead
            due = board.fullmove_number + self._ahead
            if word.number != due:
                raise MoveError(line, f"expected the number of move {due}, got {text}")
        if word.dots > 1 and board.turn == chess.WHITE:
            raise MoveError(line, f"expected a move of White's, got {text}, which stands before one of Black's")
        self._number_before = word.kind == "number"
