"""A second reader of PGN, character by character, that shares no code with the engine's: slow, and strict.

Moves are found by comparing with the spellings of every legal move. What it does not understand ends the game as wrong.
"""

import re
from dataclasses import dataclass, field

import chess

_GLYPH = r"[!?+#=~−±∓∞□-]+|\+/?=|=/?\+|\+/-|-/\+|N|TN|D|e\.?p\.?"
_MARKS = re.compile(rf"(?:{_GLYPH})+|[+-]?\d*\.\d+(/\d+)?s?|\d+s|[+-]#?M?\d+(/\d+)?|M\d+(/\d+)?")
_RESULTS = ("1-0", "0-1", "1/2-1/2", "1/2", "*", "½-½", "½", "1–0", "0–1", "1/2–1/2")
_CHESS = {"", "?", "-", "standard", "chess", "normal", "classical", "orthodox", "fromposition"}


@dataclass
class StrictGame:
    """A game as far as it was understood; `wrong` says what was not."""

    tags: dict[str, str] = field(default_factory=dict)
    block: dict[str, str] = field(default_factory=dict)  # tags since the last empty line
    words: list[str] = field(default_factory=list)
    wrong: str = ""
    ended: bool = False


def strict_games(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Returns start and moves, in UCI text, of each game that is understood."""
    found = []
    for game in _Scanner(text).games():
        played = _played(game)
        if played is not None:
            found.append(played)
    return found


class _Scanner:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._games: list[StrictGame] = []
        self._game = StrictGame()
        self._depth = 0
        self._comment: list[str] | None = None
        self._number = self._last_number = 0  # of lines: this one, and that of the last word

    def games(self) -> list[StrictGame]:
        for number, line in enumerate(self._lines):
            self._number = number
            if self._comment is not None and re.match(r'\s*\[\s*[A-Za-z]\w*\s*["“].*\]\s*$', line):
                self._game.wrong, self._comment = "open comment", None
                self._next()
            if self._comment is None and line.startswith("%"):
                continue
            if self._comment is None and not line.strip():
                self._game.tags |= self._game.block
                self._game.block = {}
            self._line(line)
        if self._comment is not None:
            self._game.wrong = "open comment"
        self._next()
        return self._games

    def _next(self) -> None:
        if self._depth:
            self._game.wrong, self._depth = "open variation", 0
        self._game.tags |= self._game.block
        self._games.append(self._game)
        self._game = StrictGame()

    def _line(self, line: str) -> None:
        place = 0
        while place < len(line):
            char = line[place]
            if self._comment is not None:
                if char == "{":
                    self._game.wrong = "comment in a comment"
                if char == "}":
                    self._comment = None
                place += 1
            elif char == ";":
                return
            elif char == "[":
                place = self._bracket(line, place)
            elif char in "{}()":
                self._brace(char)
                place += 1
            elif char.isspace():
                place += 1
            else:
                word = re.match(r"\$\d*|[^\s{}()\[;$]+", line[place:])
                assert word is not None
                place += word.end()
                if not self._depth and not word.group().startswith("$"):
                    self._word(word.group(), line[place:])

    def _brace(self, char: str) -> None:
        if char == "{":
            self._comment = []
        elif char == "(":
            self._depth += 1
        elif char == ")" and self._depth:
            self._depth -= 1
        else:
            self._game.wrong = f"{char} alone"

    def _word(self, word: str, rest: str) -> None:
        later = self._number > self._last_number and self._game.words and not (self._game.tags | self._game.block)
        opens = re.match(r"1\.?(?!\.)(?!\d|/|-)", word.replace("…", "..")) and not re.match(r"\s*(\.\.|…)", rest)
        if self._game.ended or (later and opens):
            self._next()
        self._last_number = self._number
        self._game.words.append(word)
        self._game.ended = word in _RESULTS

    def _bracket(self, line: str, place: int) -> int:
        if command := re.match(r"\[%[^\]]*\]", line[place:]):
            return place + command.end()
        tag = re.match(r'\[\s*(\w+)\s*"((?:[^"\\]|\\["\\])*)"\s*\]', line[place:])
        if tag is None and not re.search(r"\]\s*\[", line[place:]):
            tag = re.match(r"\[\s*(\w+)\s*[:=]?\s*(.*?)\s*\]\s*$", line[place:])
        if tag is None:
            if not line[:place].strip() and self._game.words:
                self._next()
            self._game.wrong = "no tag"
            return len(line)
        game = self._game
        if game.words and not game.ended and not self._depth and (game.tags | game.block) and _is_lost(game.words):
            game.wrong, game.words = "text among tags", []
        elif game.words or self._depth:
            self._next()
        self._tag(tag.group(1).lower(), re.sub(r'\\(["\\])', r"\1", tag.group(2).strip("\"'“”„‟‘’`´«» ")))
        return place + tag.end()

    def _tag(self, name: str, value: str) -> None:
        game = self._game
        if name in game.tags:
            block, game.block = game.block, {}
            self._next()
            self._game.block = block
        elif name in game.block:
            if name == "event":
                doubtful = {"fen", "setup", "variant"} & set(game.block)
                self._next()
                self._game.wrong = "tags of two games" if doubtful else ""
            elif name in ("fen", "setup", "variant") and game.block[name] != value:
                game.wrong = "two of a tag"
        self._game.block[name] = value


def _is_lost(words: list[str]) -> bool:
    """Returns whether words among tags are none of a game's: the first is no such word, or none is a move."""
    moves = r"\d*[.…]*([KQRBN]?[a-h]?[1-8]?[-x:]?[a-h][1-8]|[O0o]-[O0o]|--|Z0|@@@@)"
    return _is_text(words[0]) or not any(re.match(moves, _plain(word)) for word in words)


def _is_text(word: str) -> bool:
    plain = re.sub(r"^\d+(?:[.…]+|$)", "", word)
    is_move = re.match(r"[KQRBN]?[a-h]?[1-8]?[-x:]?[a-h][1-8]|[O0o]-[O0o]|--|Z0|@@@@", _plain(plain))
    return not (plain == "" or is_move or word in _RESULTS or _MARKS.fullmatch(word) or not word.strip("."))


def _plain(word: str) -> str:
    return re.sub("[‐‑‒–—―−]", "-", word).translate(str.maketrans("♔♕♖♗♘♚♛♜♝♞×", "KQRBNKQRBNx"))


def _played(game: StrictGame) -> tuple[str, tuple[str, ...]] | None:
    tags = game.tags
    variant = re.sub(r"[\s_-]", "", tags.get("variant", "").lower())
    if game.wrong or (variant not in _CHESS and "960" not in variant) or ("960" in variant and "fen" not in tags):
        return None
    if "fen" not in tags and tags.get("setup", "0") not in ("0", "", "?", "-"):
        return None
    try:
        board = chess.Board(" ".join((tags.get("fen", chess.STARTING_FEN).split() + ["0", "1"])[:6]), chess960=True)
    except ValueError:
        return None
    board.chess960 = "960" in variant or board.has_chess960_castling_rights()
    start = board.fen()
    if not board.is_valid() or not all(_take(board, word) for word in game.words):
        return None
    return start, tuple(move.uci() for move in board.move_stack)


def _take(board: chess.Board, word: str) -> bool:
    """Makes the move of a word, if it is one; returns whether it may stand there."""
    if word in _RESULTS or not word.strip(".…") or _MARKS.fullmatch(_plain(word)):
        return True
    number = re.match(r"\d+[.…]*$|\d+[.…]+", word)
    word = _plain(word[number.end() :] if number else word)
    if not word or word in _RESULTS or _MARKS.fullmatch(word):
        return True
    moves = [move for move in board.legal_moves if _is_spelt(board, move, word)]
    if len(moves) != 1:
        return False
    board.push(moves[0])
    return True


def _is_spelt(board: chess.Board, move: chess.Move, word: str) -> bool:
    end, promotion = chess.square_name(move.to_square), ""
    if end not in word and not board.is_castling(move):
        return False
    if board.is_castling(move):
        side = "O-O" if chess.square_file(move.to_square) > chess.square_file(move.from_square) else "O-O-O"
        if re.fullmatch(side.replace("O", "[O0o]") + r"(?![-O0o]).*", word):
            return True
    piece = board.piece_at(move.from_square)
    assert piece is not None
    letter = "" if piece.piece_type == chess.PAWN else piece.symbol().upper()
    if move.promotion:
        letters = chess.piece_symbol(move.promotion)
        promotion = f"[=/]?[{letters}{letters.upper()}]"
    start = chess.square_name(move.from_square)
    file, rank = start[0], start[1]
    capture = board.is_capture(move)
    origin = f"(?:{file}|{file}{rank})" if not letter and capture else f"(?:{file}{rank})?" if not letter else ""
    origin = origin or f"{file}?{rank}?"
    spelling = rf"{letter}{origin}{'[-x:]?' if capture else '-?'}{end}{promotion}"
    full = rf"{file}{rank}[-x:]?{end}{promotion}"
    tail = r"[^A-Za-z0-9]*(?:e\.?p\.?)?[^A-Za-z0-9]*N*[^A-Za-z0-9]*"
    return bool(re.fullmatch(f"(?:{spelling}|{full})(?:{tail})", word))
