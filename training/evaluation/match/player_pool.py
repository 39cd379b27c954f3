"""As many copies of a player as games are played at once, each started when it is first needed."""

from collections.abc import Callable
from types import TracebackType

from training.evaluation.engines.match_player import MatchPlayer


class PlayerPool:
    """Lends lane number i its own copy of a player; a context manager that closes all copies.

    Args:
      create: starts a player; called in the thread of the lane that needs it.
    """

    def __init__(self, create: Callable[[], MatchPlayer]) -> None:
        self._create = create
        self._players: dict[int, MatchPlayer] = {}
        self._closed = False

    def player(self, lane: int) -> MatchPlayer:
        """Returns the lane's copy; only its own thread may ask while games go on.

        Raises:
          EvaluationError: the player does not start.
        """
        if lane not in self._players:
            self._players[lane] = self._create()
            if self._closed:
                self._players[lane].close()
        return self._players[lane]

    def close(self) -> None:
        """Closes all copies, also those that think."""
        self._closed = True
        for player in list(self._players.values()):
            player.close()

    def __enter__(self) -> "PlayerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
