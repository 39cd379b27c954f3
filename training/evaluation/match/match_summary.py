"""What a finished match says: results, Elo with error, distinct games, faults."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.engines.match_player import FAULT_KINDS
from training.evaluation.match.elo import PairedScore, count_pairs, paired_score
from training.evaluation.match.game import MatchGame
from training.evaluation.match.match_score import MatchScore


@dataclass(frozen=True, kw_only=True)
class MatchSummary:
    """Figures of a match, from the first player's side.

    Attributes:
      games: number of games, two a pair.
      wins: games the first player won, its opponent's faults included.
      draws: games drawn.
      losses: games the first player lost, its own faults included.
      distinct_games: different move sequences; two deterministic players repeat themselves, and
        repeated games make the error bar too small.
      paired: score and Elo with error bars.
      first_faults: number of the first player's losses by kind of fault.
      second_faults: the same for the second player.
      terminations: number of games by how they ended.
      fault_texts: one line for each fault.
      mean_plies: mean game length, the opening included.
    """

    games: int
    wins: int
    draws: int
    losses: int
    distinct_games: int
    paired: PairedScore
    first_faults: dict[str, int]
    second_faults: dict[str, int]
    terminations: dict[str, int]
    fault_texts: list[str]
    mean_plies: float


def summarize_match(games: Sequence[MatchGame]) -> MatchSummary:
    """Returns the figures of a match.

    Args:
      games: at least one whole pair.

    Raises:
      ValueError: there is no pair, or a pair does not have two games.
    """
    pair_sizes = Counter(game.pair for game in games)
    if not games or set(pair_sizes.values()) != {2}:
        raise ValueError(f"expected pairs of two games, got sizes {sorted(pair_sizes.values())}")
    points = [game.first_points for game in games]
    return MatchSummary(
        games=len(games),
        wins=points.count(1.0),
        draws=points.count(0.5),
        losses=points.count(0.0),
        distinct_games=len({(game.record.opening.start_fen, game.record.moves) for game in games}),
        paired=paired_score(count_pairs(pair_points(games))),
        first_faults=_count_faults(games, first=True),
        second_faults=_count_faults(games, first=False),
        terminations=dict(Counter(game.record.termination for game in games).most_common()),
        fault_texts=_fault_texts(games),
        mean_plies=sum(len(game.record.moves) for game in games) / len(games),
    )


def pair_points(games: Sequence[MatchGame]) -> list[float]:
    """Returns the first player's points in each pair, in the order of the pairs.

    Args:
      games: whole pairs, in any order.
    """
    points: dict[int, float] = {}
    for game in games:
        points[game.pair] = points.get(game.pair, 0.0) + game.first_points
    return [points[pair] for pair in sorted(points)]


def match_figures(summary: MatchSummary, score: MatchScore) -> dict[str, Any]:
    """Returns the figures of a match and its test for JSON."""
    test = None
    if score.sprt is not None:
        test = {**asdict(score.sprt), "bounds": score.sprt.bounds, "llr": score.ratio, "verdict": score.verdict}
    return {**asdict(summary), "sprt": test}


def _first_failed(game: MatchGame) -> bool:
    return game.first_points == 0


def _count_faults(games: Sequence[MatchGame], *, first: bool) -> dict[str, int]:
    faults = [
        game.record.fault.kind for game in games if game.record.fault is not None and _first_failed(game) == first
    ]
    return {kind: faults.count(kind) for kind in FAULT_KINDS}


def _fault_texts(games: Sequence[MatchGame]) -> list[str]:
    texts = []
    for game in games:
        fault = game.record.fault
        if fault is not None:
            loser = game.record.white if game.record.white_points == 0 else game.record.black
            texts.append(f"game {game.number}: {loser}: {fault.kind}: {fault.text} in {fault.fen}")
    return texts
