"""The measurements of `training/commands/measure.py`: open players, show progress, collect figures."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.evaluation.engines.engine_player import EnginePlayer
from training.evaluation.engines.engine_spec import EngineSpec, describe_engine
from training.evaluation.engines.match_player import RandomPlayer
from training.evaluation.failures import EvaluationError
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.match_runner import LocalGames, PlayerPool
from training.evaluation.match.match_score import summarize_match
from training.evaluation.match.match_session import MatchPlan, hold_match
from training.evaluation.match.match_store import MatchStore
from training.evaluation.match.opening_book import start_and_random_openings
from training.evaluation.measures.conversion import conversion_starts, play_conversions, report_conversions
from training.evaluation.measures.figures import Measurement, conversion_lines, match_lines, puzzle_lines, regret_lines
from training.evaluation.measures.move_chooser import MoveChooser, evaluator_chooser, load_evaluator, player_chooser
from training.evaluation.measures.puzzles import rated_puzzles, report_puzzles, solve_puzzles
from training.evaluation.measures.regret import measure_regret, read_positions
from training.reporting.progress_bar import progress_bar

IN_PROCESS_BATCH = 256  # boards given to an evaluator at a time
RANDOM_OPENING_PLIES = 8

# What is measured: a UCI engine, or the weights folder of a network evaluated in this process.
Subject = EngineSpec | Path


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


def puzzle_measurement(subject: Subject, puzzle_file: Path, limit: int | None, *, strict: bool = False) -> Measurement:
    """Measures the share of Lichess puzzles solved, over all and by rating.

    Raises:
      ValueError: one line about a file or an engine that cannot be used.
    """
    puzzles = rated_puzzles(puzzle_file, limit, strict=strict)
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
    """Plays against a uniform random mover, from the start and from random openings alternately.

    Raises:
      EvaluationError: one line about what cannot be used.
    """
    if games < 2 or games % 2:
        raise EvaluationError(f"expected an even number of games (each opening with both colours), got {games}")
    openings = start_and_random_openings(games // 2, RANDOM_OPENING_PLIES, seed)
    plan = MatchPlan(
        openings=openings,
        rules=GameRules(max_plies=max_plies),
        limits=(str(spec.limit), "at random"),
        pgn_file=pgn_file,
    )
    store = MatchStore(None, {}, openings)
    with PlayerPool(lambda: EnginePlayer(spec)) as player, PlayerPool(lambda: RandomPlayer(seed)) as opponent:
        outcome = hold_match(plan, LocalGames(player, opponent), store)
    if outcome.interrupted:
        raise KeyboardInterrupt
    summary = summarize_match(outcome.games)
    return Measurement(
        engine={"name": outcome.names[0], **describe_engine(spec)},
        settings={
            "opponent": {"name": RandomPlayer.name},
            "seed": seed,
            "max_plies": max_plies,
            "pgn": None if pgn_file is None else str(pgn_file),
        },
        n=summary.games,
        figures=asdict(summary),
        lines=match_lines(summary),
    )


def conversion_measurement(spec: EngineSpec, *, games: int, seed: int, max_moves: int) -> Measurement:
    """Plays won endings against a uniform random mover.

    Raises:
      EvaluationError: one line about an engine that cannot be used.
    """
    starts = conversion_starts(games, seed)
    with (
        contextlib.closing(EnginePlayer(spec)) as player,
        progress_bar("conversion", games, "games") as advance,
    ):
        records = play_conversions(player, RandomPlayer(seed), starts, max_moves, lambda n: advance(n, ""))
        name = player.name
    report = report_conversions(starts, records)
    return Measurement(
        engine={"name": name, **describe_engine(spec)},
        settings={"opponent": {"name": RandomPlayer.name}, "seed": seed, "max_moves": max_moves},
        n=games,
        figures=asdict(report),
        lines=conversion_lines(report),
    )


@contextlib.contextmanager
def _open_chooser(subject: Subject) -> Iterator[tuple[MoveChooser, dict[str, Any], int]]:
    """Yields the chooser, the description of the player measured, and a suitable batch size."""
    if isinstance(subject, Path):
        chooser = evaluator_chooser(load_evaluator(subject))
        yield chooser, {"name": subject.name, "weights": str(subject)}, IN_PROCESS_BATCH
        return
    with contextlib.closing(EnginePlayer(subject)) as player:
        yield player_chooser(player), {"name": player.name, **describe_engine(subject)}, 1
