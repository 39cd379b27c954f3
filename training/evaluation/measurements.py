"""The four measurements of `training/evaluate.py`: open players, show progress, collect figures."""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.evaluation.engine_spec import EngineSpec
from training.evaluation.evaluation_error import EvaluationError
from training.evaluation.figure_text import match_lines, puzzle_lines, regret_lines
from training.evaluation.match import MatchGame, play_match
from training.evaluation.match_player import MatchPlayer, RandomPlayer
from training.evaluation.match_summary import summarize_match
from training.evaluation.move_chooser import (
    MoveChooser,
    evaluator_chooser,
    load_evaluator,
    player_chooser,
)
from training.evaluation.opening_book import (
    Opening,
    balanced_openings,
    draw_openings,
    read_openings,
    start_and_random_openings,
)
from training.evaluation.pgn_output import game_to_pgn
from training.evaluation.progress_bar import progress_bar
from training.evaluation.puzzles import read_puzzles, report_puzzles, solve_puzzles
from training.evaluation.regret import measure_regret, read_positions
from training.evaluation.uci_player import UciPlayer

IN_PROCESS_BATCH = 256  # boards given to an evaluator at a time
RANDOM_OPENING_PLIES = 8

# What is measured: a UCI engine, or the weights folder of a network evaluated in this process.
Subject = EngineSpec | Path


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A finished measurement, for people and for JSON.

    Attributes:
      engine: what was measured: name, command, options, limit of a move; or the weights folder.
      settings: inputs and settings of the measurement.
      n: number of positions, puzzles or games.
      figures: nested figures with their errors.
      lines: the same as text.
    """

    engine: dict[str, Any]
    settings: dict[str, Any]
    n: int
    figures: dict[str, Any]
    lines: list[str]


def regret_measurement(subject: Subject, positions_file: Path, limit: int | None) -> Measurement:
    """Measures regret on a file of positions with every legal move's value.

    Raises:
      ValueError: one line about a file or an engine that cannot be used.
    """
    positions = read_positions(positions_file, limit)
    with (
        _open_chooser(subject) as (choose, engine, batch_size),
        progress_bar("regret", len(positions), "positions") as advance,
    ):
        report = measure_regret(choose, positions, batch_size=batch_size, on_progress=lambda n: advance(n, ""))
    return Measurement(
        engine=engine,
        settings={"positions": str(positions_file), "limit": limit},
        n=len(positions),
        figures=asdict(report),
        lines=regret_lines(report),
    )


def puzzle_measurement(subject: Subject, puzzle_file: Path, limit: int | None) -> Measurement:
    """Measures the share of Lichess puzzles solved, over all and by rating.

    Raises:
      ValueError: one line about a file or an engine that cannot be used.
    """
    puzzles = read_puzzles(puzzle_file, limit)
    with (
        _open_chooser(subject) as (choose, engine, batch_size),
        progress_bar("puzzles", len(puzzles), "puzzles") as advance,
    ):
        solved = solve_puzzles(choose, puzzles, batch_size=batch_size, on_progress=lambda n: advance(n, ""))
    report = report_puzzles(puzzles, solved)
    return Measurement(
        engine=engine,
        settings={"puzzles": str(puzzle_file), "limit": limit},
        n=len(puzzles),
        figures=asdict(report),
        lines=puzzle_lines(report),
    )


def random_measurement(
    spec: EngineSpec, *, games: int, seed: int, max_plies: int, pgn_file: Path | None
) -> Measurement:
    """Plays against a uniform random mover, from the start and from random openings by turns.

    Raises:
      EvaluationError: one line about what cannot be used.
    """
    openings = start_and_random_openings(_pairs(games), RANDOM_OPENING_PLIES, seed)
    settings = {"opponent": {"name": RandomPlayer.name}, "seed": seed, "max_plies": max_plies}
    with contextlib.closing(UciPlayer(spec)) as player:
        opponent = RandomPlayer(seed)
        return _match_measurement(player, opponent, spec, openings, settings, max_plies, pgn_file)


def opponent_measurement(
    spec: EngineSpec,
    opponent_spec: EngineSpec,
    *,
    games: int,
    seed: int,
    openings_file: Path | None,
    max_plies: int,
    pgn_file: Path | None,
) -> Measurement:
    """Plays paired games from book openings against another UCI engine.

    Args:
      spec: the engine measured.
      opponent_spec: the opponent.
      games: an even number.
      seed: fixes which openings are played.
      openings_file: a file of openings instead of the built-in book.
      max_plies: a game is a draw at this many plies.
      pgn_file: written game by game if given; overwritten.

    Raises:
      EvaluationError: one line about what cannot be used.
    """
    book = balanced_openings() if openings_file is None else read_openings(openings_file)
    openings = draw_openings(book, _pairs(games), seed)
    with (
        contextlib.closing(UciPlayer(spec)) as player,
        contextlib.closing(UciPlayer(opponent_spec)) as opponent,
    ):
        settings = {
            "opponent": _describe_engine(opponent.name, opponent_spec),
            "openings": "built-in" if openings_file is None else str(openings_file),
            "seed": seed,
            "max_plies": max_plies,
        }
        return _match_measurement(player, opponent, spec, openings, settings, max_plies, pgn_file)


def _pairs(games: int) -> int:
    if games < 2 or games % 2:
        raise EvaluationError(f"expected an even number of games (each opening with both colours), got {games}")
    return games // 2


def _match_measurement(
    player: MatchPlayer,
    opponent: MatchPlayer,
    spec: EngineSpec,
    openings: Sequence[Opening],
    settings: dict[str, Any],
    max_plies: int,
    pgn_file: Path | None,
) -> Measurement:
    event = f"{player.name} - {opponent.name}"
    points = {0.0: 0, 0.5: 0, 1.0: 0}
    with (
        _pgn_writer(pgn_file, event) as write,
        progress_bar("match", 2 * len(openings), "games") as advance,
    ):

        def on_game(game: MatchGame) -> None:
            points[game.first_points] += 1
            write(game)
            advance(1, f"+{points[1.0]} ={points[0.5]} -{points[0.0]}")

        games = play_match(player, opponent, openings, max_plies=max_plies, on_game=on_game)
    summary = summarize_match(games)
    return Measurement(
        engine=_describe_engine(player.name, spec),
        settings={**settings, "pgn": None if pgn_file is None else str(pgn_file)},
        n=summary.games,
        figures=asdict(summary),
        lines=match_lines(summary),
    )


@contextlib.contextmanager
def _open_chooser(subject: Subject) -> Iterator[tuple[MoveChooser, dict[str, Any], int]]:
    """Yields the chooser, the description of what is measured, and the batch size that suits it."""
    if isinstance(subject, Path):
        chooser = evaluator_chooser(load_evaluator(subject))
        yield chooser, {"name": subject.name, "weights": str(subject)}, IN_PROCESS_BATCH
        return
    with contextlib.closing(UciPlayer(subject)) as player:
        yield player_chooser(player), _describe_engine(player.name, subject), 1


def _describe_engine(name: str, spec: EngineSpec) -> dict[str, Any]:
    return {
        "name": name,
        "command": shlex.join(spec.command),
        "options": dict(spec.options),
        "limit": str(spec.limit),
    }


@contextlib.contextmanager
def _pgn_writer(path: Path | None, event: str) -> Iterator[Callable[[MatchGame], None]]:
    """Yields what saves a game at once, so that an interrupted match keeps its games."""
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"expected a writable file for PGN, got {path}: {error.strerror}") from error
    with file:

        def write(game: MatchGame) -> None:
            file.write(game_to_pgn(game, event))
            file.flush()

        yield write
