"""Chooses the openings that a match is played from, and describes the choice for reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files.text_file import shown_name
from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_book import (
    Opening,
    balanced_openings,
    book_digest,
    chess960_starts,
    draw_openings,
)
from training.evaluation.match.opening_file import read_openings


@dataclass(frozen=True, kw_only=True)
class OpeningChoice:
    """Holds a book and the way openings are taken from it.

    Attributes:
      file: of openings; None for the built-in book, or the starting positions of Chess960.
      seed: fixes the draw.
      in_order: take the openings in the order of the book instead of drawing them.
      plies: of PGN games to play; None for all.
      chess960: castle by the rules of Chess960.
      strict: refuse a file of which anything cannot be read.
    """

    file: Path | None = None
    seed: int = 1
    in_order: bool = False
    plies: int | None = None
    chess960: bool = False
    strict: bool = False


def choose_openings(choice: OpeningChoice, games: int) -> tuple[list[Opening], dict[str, Any]]:
    """Returns one opening for each pair of games, and a description of the choice.

    More games only add openings at the end.

    Raises:
      EvaluationError: the number of games is odd or not positive, or the file cannot be used.
    """
    if games < 2 or games % 2:
        raise EvaluationError(f"expected an even number of games (each opening with both colours), got {games}")
    if choice.file is None:
        book = chess960_starts() if choice.chess960 else balanced_openings()
    else:
        book = read_openings(choice.file, plies=choice.plies, chess960=choice.chess960, strict=choice.strict)
    pairs = games // 2
    if choice.in_order:
        openings = [book[pair % len(book)] for pair in range(pairs)]
    else:
        openings = draw_openings(book, pairs, choice.seed)
    described = {
        "book": "built-in" if choice.file is None else Path(shown_name(choice.file)).name,
        "book_openings": len(book),
        "book_sha256": book_digest(book),
        "order": "book" if choice.in_order else "random",
        "seed": choice.seed,
    }
    return openings, described
