"""Scores a match: the running score with its sequential test, and the summary of a finished match."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.failures import FAULT_KINDS
from training.evaluation.match.elo import PairedScore, Pentanomial, count_pairs, paired_score
from training.evaluation.match.game import MatchGame
from training.evaluation.match.sprt import Sprt, Verdict, log_likelihood_ratio


class MatchScore:
    """Collects games in any order and tests them pair by pair.

    The test looks at pairs in the order of the match, each as soon as it and all before it are
    complete. So its verdict depends neither on how many games are played at once nor on which of
    them are short; games of later pairs do not count once it is reached.

    Args:
      sprt: the test that may end the match; None for no test.
    """

    def __init__(self, sprt: Sprt | None = None) -> None:
        self.sprt = sprt
        self.ratio = 0.0
        self.verdict: Verdict | None = None
        self._games: dict[tuple[int, bool], MatchGame] = {}
        self._pairs_in_order = 0
        self._counts: list[int] = [0] * 5

    def add(self, game: MatchGame) -> None:
        """Counts a game."""
        self._games[game.pair, game.first_is_white] = game
        while self.verdict is None and (points := self._pair_points(self._pairs_in_order)) is not None:
            self._counts[int(2 * points)] += 1
            self._pairs_in_order += 1
            if self.sprt is not None:
                self.ratio = log_likelihood_ratio(_five(self._counts), self.sprt)
                self.verdict = self.sprt.verdict(self.ratio)

    def counted(self) -> list[MatchGame]:
        """Returns the games of the pairs that count, in the order of the match."""
        games = sorted(self._games.values(), key=lambda game: game.number)
        return [game for game in games if game.number <= self.last_number and self._pair_points(game.pair) is not None]

    @property
    def last_number(self) -> float:
        """Number of the last game that counts, infinite while the test has no verdict."""
        return math.inf if self.verdict is None else 2 * self._pairs_in_order

    def holds(self, pair: int, first_is_white: bool) -> bool:
        """Returns whether this game has been added."""
        return (pair, first_is_white) in self._games

    def line(self) -> str:
        """Returns the score so far as one line: wins-draws-losses, Elo, LOS and the test."""
        points = [game.first_points for game in self._games.values()]
        parts = [f"{points.count(1.0)}-{points.count(0.5)}-{points.count(0.0)} W-D-L"]
        pairs = self._all_pairs()
        if pairs:
            paired = paired_score(count_pairs(pairs))
            parts += [f"Elo {elo_with_error(paired.elo, paired.elo_low_95, paired.elo_high_95)}"]
            parts += [f"LOS {100 * paired.superiority:.1f} %"]
        if self.sprt is not None:
            parts.append(ratio_text(self.ratio, self.sprt))
        return ", ".join(parts)

    def _pair_points(self, pair: int) -> float | None:
        games = [self._games.get((pair, first_is_white)) for first_is_white in (True, False)]
        if games[0] is None or games[1] is None:
            return None
        return games[0].first_points + games[1].first_points

    def _all_pairs(self) -> list[float]:
        points = (self._pair_points(pair) for pair in {pair for pair, _ in self._games})
        return [number for number in points if number is not None]


def elo_with_error(elo: float, low: float, high: float) -> str:
    """Returns an Elo difference as "+12 ± 45", or the finite bound where the other one is infinite."""
    if math.isfinite(low) and math.isfinite(high):
        # round() makes an integer, which has no negative zero.
        return f"{round(elo):+d} ± {(high - low) / 2:.0f}"
    if math.isfinite(low):
        return f"above {low:+.0f}"
    return f"below {high:+.0f}" if math.isfinite(high) else "unknown"


def ratio_text(ratio: float, sprt: Sprt) -> str:
    """Returns the state of the test as fastchess writes it."""
    low, high = sprt.bounds
    elo = " nElo" if sprt.model == "normalized" else ""
    return f"LLR {ratio:.2f} ({low:.2f}, {high:.2f}) [{sprt.elo0:g}, {sprt.elo1:g}]{elo}"


@dataclass(frozen=True, kw_only=True)
class MatchSummary:
    """Holds the figures of a match, from the first player's side.

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


def _five(counts: Iterable[int]) -> Pentanomial:
    first, second, third, fourth, fifth = counts
    return first, second, third, fourth, fifth


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
