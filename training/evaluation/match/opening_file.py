"""Openings from a file: PGN games, EPD or FEN positions, or lines of UCI moves."""

from collections.abc import Callable
from pathlib import Path

import chess

from engine.pgn_games import read_game
from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_book import Opening, parse_opening


def read_openings(path: Path, *, plies: int | None = None, chess960: bool = False) -> list[Opening]:
    """Reads openings; the ending of the file's name says how.

    `.pgn` holds games, whose main lines are played; `.epd` and `.fen` one position a line; anything
    else lines of UCI moves from the starting position. Empty lines are skipped.

    Args:
      path: the file.
      plies: play at most so many plies of a PGN game; None for all.
      chess960: castle by the rules of Chess960 (PGN and EPD).

    Raises:
      EvaluationError: the file cannot be read, an entry is wrong, or there is no opening.
    """
    try:
        if path.suffix.lower() == ".pgn":
            openings = _read_games(path, plies, chess960)
        elif path.suffix.lower() in (".epd", ".fen"):
            openings = _read_lines(path, lambda name, line: _position(name, line, chess960))
        else:
            openings = _read_lines(path, parse_opening)
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"expected a text file of openings, got {path}: {error}") from error
    if not openings:
        raise EvaluationError(f"expected at least one opening in {path}, got none")
    return openings


def _read_lines(path: Path, parse: Callable[[str, str], Opening]) -> list[Opening]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [parse(f"{path.name} line {number}", line) for number, line in enumerate(lines, start=1) if line.strip()]


def _position(name: str, line: str, chess960: bool) -> Opening:
    # FEN has two counters after the four fields of EPD, EPD operations; python-chess reads both.
    fields = line.split()
    is_fen = len(fields) >= 6 and fields[4].isdecimal() and fields[5].isdecimal()
    try:
        board = chess.Board(chess960=chess960)
        if is_fen:
            board.set_fen(" ".join(fields[:6]))
        else:
            board.set_epd(line)
    except ValueError as error:
        raise EvaluationError(f"expected a position in FEN or EPD as {name}, got {line!r}: {error}") from error
    return _checked(Opening(name=name, moves=(), start_fen=board.fen(), chess960=chess960), board)


def _read_games(path: Path, plies: int | None, chess960: bool) -> list[Opening]:
    openings: list[Opening] = []
    with path.open(encoding="utf-8") as stream:
        while (game := read_game(stream)) is not None:
            name = f"{path.name} game {len(openings) + 1}"
            if game.errors:
                raise EvaluationError(f"expected legal moves in {name}, got {game.errors[0]}")
            board = game.board()
            start_fen = None if board.fen() == chess.STARTING_FEN else board.fen()
            moves = tuple(game.mainline_moves())[:plies]
            given = game.headers.get("Opening", "?")
            opening = Opening(
                name=name if given == "?" else given,
                moves=moves,
                start_fen=start_fen,
                chess960=chess960 or board.chess960,
            )
            openings.append(_checked(opening, opening.board()))
    return openings


def _checked(opening: Opening, board: chess.Board) -> Opening:
    if not board.is_valid() or not any(board.legal_moves):
        raise EvaluationError(f"expected {opening.name!r} to be a legal position with a legal move, got {board.fen()}")
    return opening
