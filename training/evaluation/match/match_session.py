"""Plays a match from beginning to end: games, their file, the score and the sequential test."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.game import MatchGame
from training.evaluation.match.match_runner import GameRunner, game_slots
from training.evaluation.match.match_score import MatchScore
from training.evaluation.match.match_store import MatchStore
from training.evaluation.match.opening_book import Opening
from training.evaluation.match.pgn_file import PgnFile
from training.evaluation.match.sprt import Sprt
from training.reporting.progress_bar import progress_bar


@dataclass(frozen=True, kw_only=True)
class MatchPlan:
    """Says what is to be played.

    Attributes:
      openings: one a pair; each is played twice, with both colours.
      rules: what ends a game besides the rules of chess.
      sprt: the test that may end the match early; None to play all games.
      limits: what a move costs the first and the second player, for PGN.
      pgn_file: gets all games, in order; None for no file.
      title: shown with the progress.
    """

    openings: Sequence[Opening]
    rules: GameRules
    sprt: Sprt | None = None
    limits: tuple[str, str] = ("", "")
    pgn_file: Path | None = None
    title: str = "match"


@dataclass(frozen=True, kw_only=True)
class MatchOutcome:
    """Holds what was played.

    Attributes:
      names: of the first and the second player.
      score: all games, and the test.
      interrupted: whether a person ended it early.
    """

    names: tuple[str, str]
    score: MatchScore
    interrupted: bool = False

    @property
    def games(self) -> list[MatchGame]:
        """The games that count: whole pairs, in order."""
        return self.score.counted()


def hold_match(plan: MatchPlan, runner: GameRunner, store: MatchStore) -> MatchOutcome:
    """Plays the games that the store does not hold yet.

    Args:
      plan: openings, rules and files.
      runner: has the players.
      store: finished games; each new one is added to it at once.

    Returns:
      The outcome, also after an interruption from the keyboard, which ends the games that are going on.

    Raises:
      EvaluationError: a player does not start, or a file cannot be written.
    """
    score = MatchScore(plan.sprt)
    names = _names(runner, store.games)
    interrupted = False
    with PgnFile(plan.pgn_file, f"{names[0]} - {names[1]}", plan.limits) as pgn:
        for game in sorted(store.games, key=lambda game: game.number):
            score.add(game)
            pgn.add(game, score.last_number)
        try:
            for game in _new_games(plan, runner, names, score):
                store.add(game)
                score.add(game)
                pgn.add(game, score.last_number)
        except KeyboardInterrupt:
            interrupted = True
            pgn.write_the_rest()
    return MatchOutcome(names=names, score=score, interrupted=interrupted)


def _new_games(plan: MatchPlan, runner: GameRunner, names: tuple[str, str], score: MatchScore) -> Iterator[MatchGame]:
    """Yields the games that the score does not hold yet, until the test ends the match."""
    slots = [slot for slot in game_slots(plan.openings) if not score.holds(slot.pair, slot.first_is_white)]
    if score.verdict is not None or not slots:
        return
    total = 2 * len(plan.openings)
    games = runner.run(slots, names=names, rules=plan.rules)
    with progress_bar(plan.title, total, "games", total - len(slots)) as advance, contextlib.closing(games):
        for game in games:
            yield game
            # The caller has counted the game by now.
            advance(1, score.line())
            if score.verdict is not None:
                return


def _names(runner: GameRunner, games: Sequence[MatchGame]) -> tuple[str, str]:
    if games:
        record = games[0].record
        return (record.white, record.black) if games[0].first_is_white else (record.black, record.white)
    names = runner.names()
    if names[0] == names[1]:
        return f"{names[0]} (1)", f"{names[1]} (2)"
    return names
