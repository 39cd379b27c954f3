"""Reads games from PGN: the true starting position and the moves of each, or why it cannot be read.

A reader of data must never give a position that its file does not contain. So a game of other rules than chess and
Chess960, a start that is not told, a tag that was not understood, or a word that is no move make a fault of the game.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import chess

from engine.files.batch_moves import play_batch
from engine.files.pgn_splitter import GameText, Tag, split_games
from engine.files.position_lines import read_fen
from engine.files.skipped_entries import EmptyGame, EntryFault, Skipped
from engine.files.text_file import shown_name, text_blocks
from engine.files.written_moves import MoveError, play_words, read_word

_CHESS = {"", "?", "-", "standard", "chess", "normal", "classical", "orthodox"}
_CHESS960 = {"chess960", "960", "fischerandom", "fischerrandom", "fischerrandomchess", "frc", "freestyle"}
_CHESS960 |= {"freestylechess", "chess9lx"}
_OTHER_RULES = (
    "crazyhouse bughouse atomic antichess giveaway suicide losers losing horde racingkings threecheck 3check "
    "kingofthehill koth kriegspiel duck duckchess fogofwar placement seirawan capablanca nocastle wildcastle "
    "doublechess berolina cylinder shatranj makruk xiangqi shogi loop extinction checkless 4player"
).split()
# Servers name the rules in the Event, too: "FICS rated crazyhouse game", "Live Chess - 3 Check". Some of the names are
# nothing but rules; others are also names of clubs and events.
_RULES_IN_EVENT = re.compile(
    rf"\b(?:un)?(?:rated|casual) (?:{'|'.join(_OTHER_RULES)})\b| - (?:{'|'.join(_OTHER_RULES)})$"
    r"|\b(?:atomic|horde|suicide|giveaway) (?:arena|game|chess)\b"
    r"|\b(?:crazyhouse|bughouse|anti-?chess|racing ?kings|(?:three|3)[- ]?check|king ?of ?the ?hill|koth|kriegspiel"
    r"|duck chess|fog of war)\b",
    re.IGNORECASE,
)
_SHUFFLED_IN_EVENT = re.compile(r"\bchess[ -]?960\b|\bfischer[ -]?random|\brated wild\b", re.IGNORECASE)
_RULES = {*_OTHER_RULES, *_CHESS960}
_ROSTER = {"site", "date", "round", "result", "eco", "opening", "variation", "annotator", "section", "stage"}
_NAMES = re.compile("white|black|team|player|club")  # of people, in the names of tags
_SMALLEST_BATCH, _LARGEST_BATCH = 64, 2048  # games that are played together
_FEN_LIKE = re.compile(r"([1-8KQRBNPkqrbnp]+(?:/[1-8KQRBNPkqrbnp]+){7})\s")
_ELSEWHERE = "expected a starting position in a tag FEN, got one in {}"


@dataclass(frozen=True, kw_only=True)
class PgnGame:
    """Holds a game that can be played through.

    Attributes:
      number: in its file, counted from 1, with those that cannot be read.
      line: where it begins, counted from 1.
      tags: names as written, and values.
      start: the position before the moves; its `chess960` says by which rules the game castles.
      moves: of the main line, legal one after the other; empty if the game only shows a position.
    """

    number: int
    line: int
    tags: dict[str, str]
    start: chess.Board
    moves: tuple[chess.Move, ...]


def read_games(path: Path, part: int = 0, parts: int = 1) -> Iterator[PgnGame | Skipped]:
    """Yields the games of a PGN file one after the other, in flat memory.

    Args:
      path: the file, in any encoding, compressed or not; `-` is standard input.
      part: which of the parts, counted from 0.
      parts: so many readers divide the games among them, each every so-many-th.

    Raises:
      FileError: the file cannot be opened, is damaged, or is not text.
    """
    yield from games_of_text(text_blocks(path, "games"), shown_name(path), part, parts)


def games_of_text(blocks: Iterable[str], name: str, part: int = 0, parts: int = 1) -> Iterator[PgnGame | Skipped]:
    r"""Yields the games of a PGN text.

    Args:
      blocks: pieces of it, each of whole lines that end in `\n`.
      name: of the text, for faults.
      part: which of the parts, counted from 0.
      parts: see `read_games`.
    """
    texts = (text for text in split_games(blocks) if text.number % parts == part)
    size = 1  # grows, so that a reader of one game waits for no more
    while batch := list(islice(texts, size)):
        size = min(4 * size, _LARGEST_BATCH)
        played = _played_together(batch) if len(batch) >= _SMALLEST_BATCH else {}
        for text in batch:
            try:
                game = _game(text, played.get(text.number))
            except MoveError as error:
                yield EntryFault(name, error.line, f"game {text.number}", str(error))
            else:
                yield EmptyGame(text.line) if game is None else game


def _played_together(batch: Sequence[GameText]) -> dict[int, tuple[chess.Move, ...]]:
    """Returns the moves of those games that surely start from the initial position and are surely legal."""
    usual = [text for text in batch if text.fault is None and not any(tag.name.lower() == "fen" for tag in text.tags)]
    played = play_batch([[word for _, words in text.words for word in words] for text in usual])
    return {text.number: moves for text, moves in zip(usual, played, strict=True) if moves is not None}


def _game(text: GameText, moves: tuple[chess.Move, ...] | None) -> PgnGame | None:
    """Returns the game, None if it has neither moves nor a position of its own.

    Args:
      text: the game.
      moves: from the initial position, if they are known already.
    """
    if text.fault is not None:
        raise MoveError(*text.fault)
    tags = {tag.name.lower(): tag for tag in text.tags}
    start = _start(tags, text.line, _rules(text.tags))
    elsewhere = None if "fen" in tags else _position_elsewhere(text.tags)
    try:
        if moves is None:
            moves = tuple(play_words(start, text.words))
    except MoveError:
        if elsewhere is None:
            raise
    if elsewhere is not None and (moves is None or not _shows(start, moves, elsewhere)):
        raise MoveError(elsewhere.line, _ELSEWHERE.format(elsewhere.name))
    assert moves is not None
    if not moves and ("fen" not in tags or any(_decides(word) for _, words in text.words for word in words)):
        return None
    named = {tag.name: tag.value for tag in text.tags}
    return PgnGame(number=text.number, line=text.line, tags=named, start=start, moves=moves)


def _decides(word: str) -> bool:
    return read_word(word).kind == "result" and word != "*"


class _Rules(NamedTuple):
    """Whether a game castles as in Chess960, and the words of a tag that ask for a start of its own, else empty."""

    is_chess960: bool
    start_asked: str


def _rules(tags: Iterable[Tag]) -> _Rules:
    """Returns the rules of a game.

    Raises:
      MoveError: they are neither those of chess nor of Chess960.
    """
    is_chess960, start_asked = False, ""
    for tag in tags:
        name = tag.name.lower()
        if name == "event":
            if _RULES_IN_EVENT.search(tag.value):
                raise MoveError(tag.line, f"expected chess or Chess960, got Event {tag.value}")
            if _SHUFFLED_IN_EVENT.search(tag.value):
                start_asked = f"Event {tag.value}"
        elif name not in _ROSTER and not _NAMES.search(name):
            value = tag.value.lower().replace(" ", "").replace("-", "").replace("_", "")
            if name != "variant":
                if value in _RULES:
                    raise MoveError(tag.line, f"expected chess or Chess960, got {tag.name} {tag.value}")
            elif value in _CHESS960:
                is_chess960, start_asked = True, "Chess960"
            elif value == "fromposition":
                start_asked = tag.value
            elif value not in _CHESS:
                raise MoveError(tag.line, f"expected chess or Chess960, got {tag.value}")
    return _Rules(is_chess960, start_asked)


def _position_elsewhere(tags: Iterable[Tag]) -> Tag | None:
    """Returns a tag that holds a position and is not called FEN, if there is one."""
    for tag in tags:
        if tag.name.lower().startswith("fen") or (tag.value.count("/") > 6 and _FEN_LIKE.search(f"{tag.value} ")):
            return tag
    return None


def _shows(start: chess.Board, moves: Iterable[chess.Move], tag: Tag) -> bool:
    """Returns whether a game comes to the position in a tag, such as chess.com's CurrentPosition.

    If it does, that is one of the game's own; if not, it may be the one that the game starts from.
    """
    match = _FEN_LIKE.search(f"{tag.value} ")
    try:
        position = chess.BaseBoard(match[1] if match else None)
    except ValueError:
        return False
    if match is not None and _ends_at(start, moves, position):
        return True
    board = start.copy(stack=False)
    for move in moves:
        if chess.BaseBoard.__eq__(board, position):
            return match is not None
        board.push(move)
    return match is not None and chess.BaseBoard.__eq__(board, position)


def _ends_at(start: chess.Board, moves: Iterable[chess.Move], position: chess.BaseBoard) -> bool:
    """Returns whether legal moves of chess end at the pieces of a position; faster than a board, as many ask."""
    pieces = start.piece_map()
    for move in moves:
        origin, target = move.from_square, move.to_square
        piece = pieces.pop(origin)
        if piece.piece_type == chess.KING and abs(target - origin) == 2:
            rook = target + 1 if target > origin else target - 2
            pieces[(origin + target) // 2] = pieces.pop(rook)
        elif piece.piece_type == chess.PAWN and (target - origin) % 8 and target not in pieces:
            del pieces[origin & 56 | target & 7]  # en passant
        pieces[target] = chess.Piece(move.promotion, piece.color) if move.promotion else piece
    return pieces == position.piece_map()


def _start(tags: dict[str, Tag], line: int, rules: _Rules) -> chess.Board:
    """Returns the position before the moves."""
    setup, fen = tags.get("setup"), tags.get("fen")
    if fen is None:
        asked = rules.start_asked
        if setup is not None and setup.value.strip() not in ("", "0", "?", "-"):
            asked = asked or f"SetUp {setup.value}"
        if asked and (elsewhere := _position_elsewhere(tags.values())):
            raise MoveError(elsewhere.line, _ELSEWHERE.format(elsewhere.name))
        if asked:
            raise MoveError(line, f"expected a tag FEN with the starting position for {asked}, got none")
        return chess.Board()
    board = _board(fen, rules.is_chess960)
    if setup is not None and setup.value.strip() == "0" and board.fen() != chess.STARTING_FEN:
        raise MoveError(setup.line, "expected SetUp 1 beside a tag FEN, got 0")
    return board


def _board(fen: Tag, is_chess960: bool) -> chess.Board:
    try:
        return read_fen(fen.value, chess960=is_chess960)
    except ValueError as error:
        raise MoveError(fen.line, str(error)) from None
