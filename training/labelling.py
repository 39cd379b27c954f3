"""Labels positions with several teachers at once and appends them to one file."""

import dataclasses
import hashlib
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Sequence
from multiprocessing.queues import Queue
from pathlib import Path

from training.label_formats import all_values_line, open_binary, read_lines
from training.noisy_games import play_noisy_game
from training.uci_teacher import TeacherError, UciTeacher

Report = Callable[[int, float], None]  # positions written, seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """What is labelled, and how."""

    # Program and arguments of the teacher.
    engine: tuple[str, ...]
    # Its UCI options.
    options: tuple[tuple[str, str], ...] = ()
    # Depth of its search, in plies.
    depth: int = 4
    # FENs from which half of the games start.
    starts: tuple[str, ...] = ()
    # Decides the games, with the number of the process and of the game.
    seed: int = 1
    # Teachers at work at once.
    processes: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name in ("depth", "processes"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)}")


def read_starts(path: Path) -> tuple[str, ...]:
    """Returns the FENs of a file, one a line, plain or `.xz`; EPD operations behind them are ignored."""
    file, stored = open_binary(path)
    with stored:
        lines = [line.decode().split() for line in read_lines(file, path)]
    return tuple(" ".join(words[:4] + ["0", "1"]) for words in lines if len(words) >= 4)


def label_positions(config: LabelConfig, out: Path, positions: int, minutes: float, report: Report) -> int:
    """Appends labelled positions to a file until enough are written or the time is up.

    A position that the file holds already is not written again. Games continue where an earlier call of the same seed
    ended; a line that was cut off is removed.

    Args:
      config: teacher and games.
      out: file in the `all` format of `label_formats.py`.
      positions: how many to add.
      minutes: at most so long.
      report: called about once a second with the positions added and the seconds passed.

    Returns:
      How many were added.

    Raises:
      TeacherError: a teacher failed.
    """
    seen, first_games = _resume(out, config)
    queue: Queue[object] = multiprocessing.get_context("spawn").Queue(maxsize=64)
    workers = [
        multiprocessing.get_context("spawn").Process(
            target=_work, args=(config, number, first_games[number], queue), daemon=True
        )
        for number in range(config.processes)
    ]
    for worker in workers:
        worker.start()
    start_s, reported_s, added = time.monotonic(), 0.0, 0
    try:
        with out.open("a") as file:
            while added < positions and (passed_s := time.monotonic() - start_s) < minutes * 60:
                for key, line in _next_game(queue):
                    if key not in seen:
                        seen.add(key)
                        file.write(line)
                        added += 1
                if passed_s - reported_s >= 1:
                    file.flush()
                    report(added, passed_s)
                    reported_s = passed_s
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return added


def _next_game(queue: "Queue[object]") -> Sequence[tuple[int, str]]:
    game = queue.get()
    if isinstance(game, Exception):
        raise game
    assert isinstance(game, list)
    return game


def _work(config: LabelConfig, number: int, first_game: int, queue: "Queue[object]") -> None:
    """Plays games in a process of its own and sends each as a list of (key, line)."""
    try:
        teacher = UciTeacher(config.engine, dict(config.options))
        for game in range(first_game, 2**31):
            rng = random.Random(f"{config.seed}.{number}.{game}")
            teacher.new_game()
            visits = play_noisy_game(rng, config.starts, lambda fen: teacher.move_values(fen, config.depth))
            group = f"{config.seed}.{number}.{game}"
            queue.put([(_key(visit.fen), all_values_line(group, visit.fen, visit.values)) for visit in visits])
    except TeacherError as error:
        queue.put(error)


def _resume(out: Path, config: LabelConfig) -> tuple[set[int], list[int]]:
    """Returns the keys of the file's positions and the first game of each process that it does not hold."""
    seen: set[int] = set()
    first_games = [0] * config.processes
    if not out.exists():
        return seen, first_games
    content = out.read_bytes()
    whole = content.rfind(b"\n") + 1
    os.truncate(out, whole)
    for line in content[:whole].decode().splitlines():
        group, fen, _ = line.split("\t")
        seen.add(_key(fen))
        seed, *rest = group.split(".")
        if seed == str(config.seed) and len(rest) == 2 and int(rest[0]) < config.processes:
            first_games[int(rest[0])] = max(first_games[int(rest[0])], int(rest[1]) + 1)
    return seen, first_games


def _key(fen: str) -> int:
    """Returns a number for men, side to move, castling and en passant; the same in every process."""
    position = " ".join(fen.split()[:4])
    return int.from_bytes(hashlib.blake2b(position.encode(), digest_size=8).digest(), "big")
