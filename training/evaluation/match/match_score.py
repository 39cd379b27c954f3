"""The score of a match while it goes on: games as they end, the sequential test pair by pair."""

import math
from collections.abc import Iterable

from training.evaluation.match.elo import Pentanomial, count_pairs, paired_score
from training.evaluation.match.game import MatchGame
from training.evaluation.match.sprt import Sprt, Verdict, log_likelihood_ratio


class MatchScore:
    """Collects games in any order.

    The test looks at pairs in the order of the match, each as soon as it and all before it are
    complete. So its verdict depends neither on how many games are played at once nor on which of
    them are short; games of later pairs do not count once it is reached.

    Args:
      sprt: the test that may end the match; None for none.
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
    """Returns an Elo difference as "+12 ± 45", or what can be said where an end is open."""
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


def _five(counts: Iterable[int]) -> Pentanomial:
    first, second, third, fourth, fifth = counts
    return first, second, third, fourth, fifth
