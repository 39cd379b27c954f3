"""A player that does as it is told, and matches of such players."""

from collections.abc import Sequence

import chess

from training.evaluation.engines.match_player import ChosenMove, MatchPlayer, Thought
from training.evaluation.engines.time_control import NO_CLOCKS, ClockFace, TimeControl
from training.evaluation.failures import FaultKind, MoveFailure
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.game import MatchGame
from training.evaluation.match.match_runner import PlayerPool, game_slots, run_games
from training.evaluation.match.opening_book import Opening


class ScriptedPlayer:
    """Plays given moves in turn, then starts over; a `FaultKind` in the script fails instead."""

    def __init__(
        self,
        name: str,
        script: Sequence[str],
        *,
        scores_cp: Sequence[int] = (),
        seconds: float = 0.0,
        clock: TimeControl | None = None,
    ) -> None:
        self.name = name
        self.games_started = 0
        self.time_control = clock
        self.margin_s = 0.0
        self.faces: list[ClockFace] = []
        self._script = list(script)
        self._scores_cp = list(scores_cp)
        self._seconds = seconds
        self._played = 0

    def start_game(self, number: int) -> None:
        del number
        self.games_started += 1
        self._played = 0

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        del board
        self.faces.append(clocks)
        text = self._script[self._played % len(self._script)]
        score_cp = self._scores_cp[self._played % len(self._scores_cp)] if self._scores_cp else None
        self._played += 1
        kinds: dict[str, FaultKind] = {"crash": "crash", "late": "time loss"}
        if text in kinds:
            raise MoveFailure(kinds[text], "on purpose")
        thought = Thought(elapsed_s=self._seconds, score_cp=score_cp, depth=1)
        return ChosenMove(move=chess.Move.from_uci(text), thought=thought)

    def close(self) -> None:
        pass


def play_match(first: MatchPlayer, second: MatchPlayer, openings: Sequence[Opening]) -> list[MatchGame]:
    with PlayerPool(lambda: first) as first_pool, PlayerPool(lambda: second) as second_pool:
        names = first.name, second.name
        return list(run_games(game_slots(openings), first_pool, second_pool, names=names, rules=GameRules()))
