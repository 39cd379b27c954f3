"""Plays the games of a match, several at once, and yields them as they end."""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from training.evaluation.engines.match_player import MatchPlayer
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.game import MatchGame, play_game
from training.evaluation.match.opening_book import Opening

_JOIN_S = 10.0  # for a lane whose players are closed


@dataclass(frozen=True, kw_only=True)
class GameSlot:
    """Describes a game to be played: its opening, and who has White."""

    pair: int
    first_is_white: bool
    opening: Opening


class PlayerPool:
    """Gives each lane its own copy of a player, started when first needed; a context manager that closes them all.

    Args:
      create: starts a player; called in the thread of the lane that needs it.
    """

    def __init__(self, create: Callable[[], MatchPlayer]) -> None:
        self._create = create
        self._players: dict[int, MatchPlayer] = {}
        self._closed = False

    def player(self, lane: int) -> MatchPlayer:
        """Returns the lane's copy; while games are played, only the lane's own thread may call it.

        Raises:
          EvaluationError: the player does not start.
        """
        if lane not in self._players:
            self._players[lane] = self._create()
            if self._closed:
                self._players[lane].close()
        return self._players[lane]

    def close(self) -> None:
        """Closes all copies, even those that are thinking."""
        self._closed = True
        for player in list(self._players.values()):
            player.close()

    def __enter__(self) -> "PlayerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class GameRunner(Protocol):
    """Plays games between two players, somewhere."""

    def names(self) -> tuple[str, str]:
        """Returns what the first and the second player call themselves.

        Raises:
          EvaluationError: one of them does not start.
        """
        ...

    def run(
        self, slots: Sequence[GameSlot], *, names: tuple[str, str], rules: GameRules
    ) -> Generator[MatchGame, None, None]:
        """Plays games, several at once; closing it ends those that are still going on.

        Args:
          slots: the games, begun in this order.
          names: of both players.
          rules: what ends a game.

        Yields:
          Each game when it has ended.

        Raises:
          ValueError: one line about a player that does not start, or not again after a crash.
        """
        ...


@dataclass(frozen=True)
class LocalGames:
    """Plays on this machine; satisfies `GameRunner`.

    Attributes:
      first: copies of the player whose points are counted.
      second: copies of the opponent.
      concurrency: number of games at once.
    """

    first: PlayerPool
    second: PlayerPool
    concurrency: int = 1

    def names(self) -> tuple[str, str]:
        """Returns the names of both players."""
        return self.first.player(0).name, self.second.player(0).name

    def run(
        self, slots: Sequence[GameSlot], *, names: tuple[str, str], rules: GameRules
    ) -> Generator[MatchGame, None, None]:
        """Plays games as `GameRunner.run` says."""
        yield from run_games(slots, self.first, self.second, names=names, rules=rules, concurrency=self.concurrency)


def game_slots(openings: Sequence[Opening]) -> list[GameSlot]:
    """Returns two games for each opening, the first player having White and then Black."""
    return [
        GameSlot(pair=pair, first_is_white=first_is_white, opening=opening)
        for pair, opening in enumerate(openings)
        for first_is_white in (True, False)
    ]


def run_games(
    slots: Sequence[GameSlot],
    first: PlayerPool,
    second: PlayerPool,
    *,
    names: tuple[str, str],
    rules: GameRules,
    concurrency: int = 1,
) -> Generator[MatchGame, None, None]:
    """Plays games in the order of the slots, up to `concurrency` at once.

    Closing the generator before its end closes both pools and with them the games still going on.

    Args:
      slots: the games.
      first: copies of the player whose points are counted.
      second: copies of the opponent.
      names: of both players.
      rules: what ends a game.
      concurrency: number of games played at once.

    Yields:
      Each game when it has ended.

    Raises:
      EvaluationError: a player does not start, or not again after a crash.
    """
    waiting = _queue_of(slots)
    finished: queue.SimpleQueue[MatchGame | Exception] = queue.SimpleQueue()
    stop = threading.Event()

    def play_lane(lane: int) -> None:
        try:
            while not stop.is_set() and (slot := _next(waiting)) is not None:
                game = play_slot(slot, first.player(lane), second.player(lane), names, rules)
                if not stop.is_set():
                    finished.put(game)
        except Exception as error:  # whatever it is, the caller's thread has to hear of it
            finished.put(error)

    lanes = [
        threading.Thread(target=play_lane, args=(lane,), daemon=True, name=f"lane {lane}")
        for lane in range(min(concurrency, len(slots)))
    ]
    for thread in lanes:
        thread.start()
    try:
        for _ in slots:
            game = finished.get()
            if isinstance(game, Exception):
                raise game
            yield game
    except BaseException:  # also when the generator is closed early
        stop.set()
        first.close()
        second.close()
        raise
    finally:
        for thread in lanes:
            thread.join(_JOIN_S)


def _queue_of(slots: Sequence[GameSlot]) -> "queue.SimpleQueue[GameSlot]":
    waiting: queue.SimpleQueue[GameSlot] = queue.SimpleQueue()
    for slot in slots:
        waiting.put(slot)
    return waiting


def _next(waiting: "queue.SimpleQueue[GameSlot]") -> GameSlot | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def play_slot(
    slot: GameSlot, first: MatchPlayer, second: MatchPlayer, names: tuple[str, str], rules: GameRules
) -> MatchGame:
    """Plays a game of a match.

    Args:
      slot: which game.
      first: the player whose points are counted.
      second: the opponent.
      names: of both.
      rules: what ends the game.

    Raises:
      EvaluationError: a player does not start again after a crash.
    """
    players, shown = ((first, second), names) if slot.first_is_white else ((second, first), names[::-1])
    number = 2 * slot.pair + (1 if slot.first_is_white else 2)
    record = play_game(*players, slot.opening, rules=rules, number=number, names=(shown[0], shown[1]))
    return MatchGame(pair=slot.pair, first_is_white=slot.first_is_white, record=record)
