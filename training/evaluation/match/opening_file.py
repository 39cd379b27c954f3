"""Reads openings from a file: PGN games, FEN or EPD positions, or lines of UCI moves."""

from collections.abc import Iterator
from pathlib import Path

from engine.files.file_kind import file_kind
from engine.files.pgn_games import PgnGame, read_games
from engine.files.position_lines import Position, read_positions
from engine.files.skipped_entries import EntryFault, Skipped, SkippedEntries
from engine.files.text_file import FileError, on_disk, shown_name, text_lines
from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_book import START, Opening, parse_opening


def read_openings(
    path: Path, *, plies: int | None = None, chess960: bool = False, strict: bool = False
) -> list[Opening]:
    """Reads openings; the ending of the file's name says how, or its content if the name says nothing.

    `.pgn` holds games, whose main lines are played; `.epd` and `.fen` one position a line; anything else lines of UCI
    moves from the starting position. What cannot be read is skipped, counted, and listed on standard error.

    Args:
      path: the file; `-` is standard input.
      plies: play at most this many plies of a PGN game; None for all.
      chess960: castle by the rules of Chess960 (PGN and EPD), not only in entries that say so.
      strict: refuse a file of which anything cannot be read.

    Raises:
      EvaluationError: the file cannot be read, there is no opening, or an entry is wrong and `strict`.
    """
    skipped = SkippedEntries(strict=strict)
    try:
        with on_disk(path) as file:
            openings = list(skipped.usable(_entries(file, plies, chess960)))
    except FileError as error:
        raise EvaluationError(str(error)) from error
    skipped.report()
    if not openings:
        raise EvaluationError(f"expected at least one opening in {shown_name(path)}, got none")
    return openings


def _entries(path: Path, plies: int | None, chess960: bool) -> Iterator[Opening | Skipped]:
    kind = file_kind(path)
    if kind == "games":
        yield from (_opening_of_game(game, path, plies, chess960) for game in read_games(path))
    elif kind == "positions":
        yield from (_opening_of_position(position, path, chess960) for position in read_positions(path))
    else:
        yield from _opening_of_lines(path)


def _opening_of_lines(path: Path) -> Iterator[Opening | Skipped]:
    for number, line in enumerate(text_lines(path, "openings"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                yield parse_opening(f"{path.name} line {number}", line)
            except EvaluationError as error:
                yield EntryFault(shown_name(path), number, "", str(error))


def _opening_of_position(position: Position | EntryFault, path: Path, chess960: bool) -> Opening | Skipped:
    if isinstance(position, EntryFault):
        return position
    opening = Opening(
        name=f"{path.name} line {position.line}",
        moves=(),
        start_fen=position.board.fen(),
        chess960=chess960 or position.board.chess960,
    )
    return _checked(opening, path, position.line, "")


def _opening_of_game(game: PgnGame | Skipped, path: Path, plies: int | None, chess960: bool) -> Opening | Skipped:
    if not isinstance(game, PgnGame):
        return game
    number = f"game {game.number}"
    name = next((value for tag, value in game.tags.items() if tag.lower() == "opening" and value != "?"), None)
    start_fen = game.start.fen()
    opening = Opening(
        name=name or f"{path.name} {number}",
        moves=game.moves[:plies],
        start_fen=None if start_fen == START.start().fen() else start_fen,
        chess960=chess960 or game.start.chess960,
    )
    return _checked(opening, path, game.line, number)


def _checked(opening: Opening, path: Path, line: int, entry: str) -> Opening | Skipped:
    board = opening.board()
    if not any(board.legal_moves):
        reason = f"expected a position with a legal move after the opening, got {board.fen()}"
        return EntryFault(shown_name(path), line, entry, reason)
    return opening
