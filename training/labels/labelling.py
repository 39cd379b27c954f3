"""Labels positions with several teachers at once and appends them to one file."""

import dataclasses
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from engine.files.position_lines import read_positions
from engine.files.skipped_entries import EmptyGame, EntryFault, SkippedEntries
from engine.files.text_file import FileError, shown_name
from engine.uci_client import TeacherError
from training.labels.label_formats import all_values_line
from training.labels.label_source import KnownPositions, LabelSource, LabelWorker, position_key
from training.labels.uci_teacher import UciTeacher
from training.runs.durable_files import drop_unfinished_line

Report = Callable[[int, float], None]  # positions written, seconds
FEW_PIECES = 5

_Lines = Sequence[tuple[int, str]]  # the key of a position, and its line of the file


class _Finished:
    """Tells that the source of a process has ended."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Holds what is labelled, and how."""

    # Program and arguments of the teacher.
    engine: tuple[str, ...]
    # Where positions come from.
    source: LabelSource
    # The teacher's UCI options.
    options: tuple[tuple[str, str], ...] = ()
    # Depth of its search, in plies.
    depth: int = 4
    # Depth with at most FEW_PIECES pieces on the board; 0 for the same.
    few_pieces_depth: int = 0
    # Nodes of a second search, of the best four moves; 0 for none.
    best_nodes: int = 3000
    # Nodes of a last search, of the best move alone; 0 for none.
    choice_nodes: int = 0
    # Decides what is random, with the number of the process and of the game.
    seed: int = 1
    # Teachers at work at once.
    processes: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name, least in (
            ("depth", 1),
            ("few_pieces_depth", 0),
            ("best_nodes", 0),
            ("choice_nodes", 0),
            ("processes", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} to be at least {least}, got {getattr(self, name)}")


def read_starts(path: Path, skipped: SkippedEntries) -> tuple[str, ...]:
    """Returns the FENs of a file of FENs and EPDs, one a line, where games can start.

    Args:
      path: the file, compressed or not.
      skipped: is told of lines that cannot be used.

    Raises:
      FileError: the file cannot be read, or holds no position to start from.
    """
    starts = []
    for position in skipped.usable(read_positions(path)):
        board = position.board
        if board.has_chess960_castling_rights() or not any(board.legal_moves):
            reason = f"expected a position of chess with a legal move, got {board.fen()}"
            skipped.skip(EntryFault(shown_name(path), position.line, "", reason))
            continue
        starts.append(" ".join([*board.fen().split()[:4], "0", "1"]))
    if not starts:
        raise FileError(f"expected at least one position to start from in {shown_name(path)}, got none")
    return tuple(starts)


def label_positions(
    config: LabelConfig, out: Path, positions: int, minutes: float, report: Report, skipped: SkippedEntries
) -> int:
    """Appends labelled positions to a file until enough are written, the time is up, or the source has no more.

    A position that the file holds already is not written again. Games continue where an earlier call of the same seed
    ended; a line that was cut off is removed.

    Args:
      config: teacher and source.
      out: file in the `all` format of `label_formats.py`.
      positions: how many to add.
      minutes: at most so long.
      report: called about once a second with the positions added and the seconds passed.
      skipped: is told of entries of files that cannot be used.

    Returns:
      How many were added.

    Raises:
      ValueError: one line about a teacher that failed, or a file or network that cannot be used.
    """
    known, first_games = _resume(out, config)
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue(maxsize=64)
    workers = [
        spawn.Process(target=_work, args=(config, number, first_games[number], known, results), daemon=True)
        for number in range(config.processes)
    ]
    for worker in workers:
        worker.start()
    start_s, reported_s, added, at_work = time.monotonic(), 0.0, 0, config.processes
    try:
        with out.open("a", encoding="utf-8") as file:
            while at_work and added < positions and (passed_s := time.monotonic() - start_s) < minutes * 60:
                lines = _next_lines(results, skipped)
                if lines is None:
                    at_work -= 1
                for key, line in lines or ():
                    if added < positions and known.add(key):
                        file.write(line)
                        added += 1
                if passed_s - reported_s >= 1:
                    file.flush()
                    _check_alive(workers)
                    report(added, passed_s)
                    reported_s = passed_s
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return added


def _check_alive(workers: Sequence[SpawnProcess]) -> None:
    # Sent before its end, a result may still be on its way, so only a failure counts.
    failed = [worker.exitcode for worker in workers if worker.exitcode]
    if failed:
        raise TeacherError(f"expected the labelling processes to go on, but one ended with {failed[0]}")


def _next_lines(results: Any, skipped: SkippedEntries) -> _Lines | None:
    """Returns the lines that a process sends within a second, None when it is the end of its source."""
    try:
        result = results.get(timeout=1.0)
    except queue.Empty:
        return ()
    if isinstance(result, Exception):
        raise result
    if isinstance(result, EntryFault | EmptyGame):
        skipped.skip(result)
        return ()
    return None if isinstance(result, _Finished) else result


def _work(config: LabelConfig, number: int, first_game: int, known: KnownPositions, results: Any) -> None:
    """Labels in a process of its own and sends each game, or part of one, as a list of (key, line)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it and ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        teacher = UciTeacher(config.engine, dict(config.options))
        teacher.check()

        def move_values(fen: str) -> Mapping[str, float]:
            few_pieces = sum(character.isalpha() for character in fen.split()[0]) <= FEW_PIECES
            values = teacher.move_values(fen, (few_pieces and config.few_pieces_depth) or config.depth)
            for nodes, lines in ((config.best_nodes, 4), (config.choice_nodes, 1)):
                values = teacher.with_best_moves_searched(fen, values, nodes, lines) if nodes else values
            return values

        worker = LabelWorker(
            seed=config.seed,
            number=number,
            processes=config.processes,
            first_game=first_game,
            move_values=move_values,
            with_moves_searched=teacher.with_moves_searched,
            new_game=teacher.new_game,
            known=known,
            skip=results.put,
        )
        for group, visits in config.source.games(worker):
            results.put([(position_key(fen), all_values_line(group, fen, values)) for fen, values in visits])
        results.put(_Finished())
    except (ValueError, OSError) as error:
        results.put(error if isinstance(error, OSError) else ValueError(str(error)))


def _end_with_parent() -> None:
    """Ends this process, and thereby its teacher, if the first process is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _resume(out: Path, config: LabelConfig) -> tuple[KnownPositions, list[int]]:
    """Returns the positions of the file and the first game of each process that it does not hold."""
    keys: set[int] = set()
    first_games = [0] * config.processes
    if not out.exists():
        return KnownPositions(), first_games
    content = out.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = whole.decode().splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"expected text with labels in {out}, got another file: {error}") from None
    if content and not lines and b"\t" not in content:
        raise ValueError(f"expected labels in {out}, got {content[:80]!r}")
    prefix = f"{config.seed}.{config.source.prefix}"
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if len(fields) != 3:
            raise ValueError(f"expected group TAB fen TAB values in {out}, line {number}, got {line[:80]!r}")
        keys.add(position_key(fields[1]))
        process, _, game = fields[0].removeprefix(prefix).partition(".")
        if fields[0].startswith(prefix) and process.isdecimal() and game.isdecimal():
            if int(process) < config.processes:
                first_games[int(process)] = max(first_games[int(process)], int(game) + 1)
    drop_unfinished_line(out)  # only now: what holds no labels stays as it is
    return KnownPositions(keys), first_games
