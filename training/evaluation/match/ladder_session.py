"""Plays the ladder: matches against Stockfish's Skill Levels, from which one Elo is fitted."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.evaluation.engines.engine_player import EnginePlayer
from training.evaluation.engines.engine_spec import EngineSpec, describe_engine
from training.evaluation.failures import EvaluationError
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.cluster_games import ClusterGames
from training.evaluation.match.elo import elo_from_score
from training.evaluation.match.game import MatchGame
from training.evaluation.match.ladder_climb import LadderPlan, LadderStep, next_step
from training.evaluation.match.match_runner import LocalGames, PlayerPool
from training.evaluation.match.match_score import MatchScore, MatchSummary, pair_points, summarize_match
from training.evaluation.match.match_session import MatchOutcome, MatchPlan, hold_match
from training.evaluation.match.match_store import MatchStore
from training.evaluation.match.opening_book import Opening
from training.evaluation.match.rating_fit import RatingFit, RungResult, fit_rating
from training.workers.crew import Crew


@dataclass(frozen=True, kw_only=True)
class LadderMatch:
    """Holds what all rungs have in common.

    Attributes:
      engine: the engine that is rated.
      opponent: returns the opponent of a level.
      openings: one a pair, the same for every rung.
      rules: what ends a game.
      concurrency: number of games at once; None for as many as the crew can play.
      crew: plays them on a cluster; None for this machine.
      settings: of the openings and rules, for the saved games.
      save_folder: holds the games and PGN of each rung; None to keep nothing.
      resume: whether to continue from the folder's games.
    """

    engine: EngineSpec
    opponent: Callable[[int], EngineSpec]
    openings: Sequence[Opening]
    rules: GameRules
    concurrency: int | None = 1
    crew: Crew | None = None
    settings: dict[str, Any]
    save_folder: Path | None = None
    resume: bool = False


@dataclass(frozen=True, kw_only=True)
class LadderReport:
    """Holds the results of a ladder.

    Attributes:
      name: of the engine.
      opponent_name: what the opponent calls itself.
      fit: the rating.
      rungs: figures of each rung by level, from the rated engine's side.
      implied_elo: the rating that each rung implies alone; infinite after a sweep.
      interrupted: whether a person ended it early.
    """

    name: str
    opponent_name: str
    fit: RatingFit
    rungs: dict[int, MatchSummary]
    implied_elo: dict[int, float]
    interrupted: bool

    def figures(self) -> dict[str, Any]:
        """Returns the figures for JSON."""
        rungs = [
            {"level": level, "implied_elo": self.implied_elo[level], **asdict(summary)}
            for level, summary in self.rungs.items()
        ]
        return {"rating": asdict(self.fit), "rungs": rungs, "interrupted": self.interrupted}


def climb(ladder: LadderMatch, plan: LadderPlan) -> LadderReport:
    """Plays the part of the ladder that is not saved yet.

    Raises:
      EvaluationError: an engine or a file cannot be used, or it was interrupted before any pair.
    """
    outcomes: dict[int, MatchOutcome] = {}
    stores = {level: _open_store(ladder, level) for level in plan.rungs if _is_saved(ladder, level)}
    with PlayerPool(lambda: EnginePlayer(ladder.engine)) as engine:
        while step := next_step(plan, {level: pair_points(_pairs(store)) for level, store in stores.items()}):
            if step.level not in stores:
                stores[step.level] = _open_store(ladder, step.level)
            outcomes[step.level] = _play_rung(ladder, step, engine, stores[step.level])
            if outcomes[step.level].interrupted:
                break
    summaries = {level: summarize_match(games) for level, store in sorted(stores.items()) if (games := _pairs(store))}
    if not summaries:
        raise EvaluationError("expected at least one pair of games for a rating, got none before the interruption")
    record = next(store.games[0] for store in stores.values() if store.games)
    names = (record.record.white, record.record.black)
    rungs = {
        level: RungResult(opponent_elo=plan.rungs[level], pentanomial=summary.paired.pentanomial)
        for level, summary in summaries.items()
    }
    return LadderReport(
        name=names[0] if record.first_is_white else names[1],
        opponent_name=names[1] if record.first_is_white else names[0],
        fit=fit_rating(list(rungs.values())),
        rungs=summaries,
        implied_elo={level: plan.rungs[level] + elo_from_score(s.paired.score) for level, s in summaries.items()},
        interrupted=any(outcome.interrupted for outcome in outcomes.values()),
    )


def _play_rung(ladder: LadderMatch, step: LadderStep, engine: PlayerPool, store: MatchStore) -> MatchOutcome:
    opponent = ladder.opponent(step.level)
    plan = MatchPlan(
        openings=ladder.openings[: step.pairs],
        rules=ladder.rules,
        limits=(str(ladder.engine.limit), str(opponent.limit)),
        pgn_file=_file(ladder.save_folder, step.level, ".pgn"),
        title=f"Skill Level {step.level}",
    )
    if ladder.crew is not None:
        return hold_match(plan, ClusterGames(ladder.engine, opponent, ladder.crew), store)
    with PlayerPool(lambda: EnginePlayer(opponent)) as opponents:
        return hold_match(plan, LocalGames(engine, opponents, ladder.concurrency or 1), store)


def _open_store(ladder: LadderMatch, level: int) -> MatchStore:
    settings = {
        "first": describe_engine(ladder.engine),
        "second": describe_engine(ladder.opponent(level)),
        **ladder.settings,
    }
    path = _file(ladder.save_folder, level, ".jsonl")
    return MatchStore(path, settings, ladder.openings, resume=ladder.resume)


def _is_saved(ladder: LadderMatch, level: int) -> bool:
    path = _file(ladder.save_folder, level, ".jsonl")
    return path is not None and path.exists()


def _file(folder: Path | None, level: int, ending: str) -> Path | None:
    return None if folder is None else folder / f"skill-{level}{ending}"


def _pairs(store: MatchStore) -> list[MatchGame]:
    score = MatchScore()
    for game in store.games:
        score.add(game)
    return score.counted()
