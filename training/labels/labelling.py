"""Labels positions with several teachers at once and appends them to one file."""

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.files.position_lines import read_positions
from engine.files.skipped_entries import EmptyGame, EntryFault, SkippedEntries
from engine.files.text_file import FileError, shown_name
from training.labels.label_formats import all_values_line
from training.labels.label_shares import LabelShares, Share
from training.labels.label_source import KnownPositions, LabelSource, LabelWorker, position_key
from training.labels.uci_teacher import UciTeacher
from training.runs.durable_files import drop_unfinished_line
from training.workers.crew import Crew, Deliver, Lost, NodeRates, Result

# Told of positions written, seconds, and positions a second by node of a cluster.
Report = Callable[[int, float, Mapping[str, float]], None]
FEW_PIECES = 5


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
    # Decides what is random, with the number of the share and of the game.
    seed: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name, least in (
            ("depth", 1),
            ("few_pieces_depth", 0),
            ("best_nodes", 0),
            ("choice_nodes", 0),
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
    config: LabelConfig,
    out: Path,
    positions: int,
    minutes: float,
    report: Report,
    skipped: SkippedEntries,
    crew: Crew,
) -> int:
    """Appends labelled positions to a file until enough are written, the time is up, or the source has no more.

    A position that the file holds already is not written again. Games continue where an earlier call of the same seed
    ended; a line that was cut off is removed.

    Args:
      config: teacher and source.
      out: file in the `all` format of `label_formats.py`.
      positions: how many to add.
      minutes: at most so long.
      report: called about once a second.
      skipped: is told of entries of files that cannot be used.
      crew: runs the teachers, here or on a cluster.

    Returns:
      How many were added.

    Raises:
      ValueError: one line about a teacher that failed, or a file or network that cannot be used.
    """
    known, shares = _resume(out, config)
    start = partial(Labeller, config, known)
    shares.divide(crew.parts, config.source.is_endless)
    start_s, reported_s, added, rates = time.monotonic(), 0.0, 0, NodeRates()
    with out.open("a", encoding="utf-8") as file, contextlib.closing(crew.run(start, shares.take)) as events:
        for event in events:
            if isinstance(event, Lost):
                shares.lost(event.job, event.reason)
            elif isinstance(event, Result) and isinstance(event.value, EntryFault | EmptyGame):
                shares.skipped(event.job)
                skipped.skip(event.value)
            elif isinstance(event, Result):
                shares.delivered(event.job, event.value.group)
                lines = [line for key, line in event.value.lines if known.add(key)][: positions - added]
                file.writelines(lines)
                added += len(lines)
                rates.add(time.monotonic(), event.node, len(lines))
            passed_s = time.monotonic() - start_s
            if passed_s - reported_s >= 1:
                file.flush()
                report(added, passed_s, rates.rates(start_s + passed_s, start_s))
                reported_s = passed_s
            if added >= positions or passed_s >= minutes * 60:
                break
    return added


class LabelledLines(NamedTuple):
    """Holds the lines of a game, or of a part of one."""

    group: str
    lines: Sequence[tuple[int, str]]  # the key of a position, and its line of the file


class Labeller:
    """Labels shares with a teacher of its own.

    Args:
      config: teacher and source.
      known: positions of the file.

    Raises:
      TeacherError: the teacher cannot be used.
    """

    def __init__(self, config: LabelConfig, known: KnownPositions) -> None:
        self._config, self._known = config, known
        self._teacher = UciTeacher(config.engine, dict(config.options))
        self._teacher.check()

    def work(self, job: Share, deliver: Deliver) -> None:
        """Labels a share; delivers `LabelledLines`, and entries of files that cannot be used.

        Raises:
          ValueError or OSError: the teacher failed, or a file or a network cannot be used.
        """
        for key in job.labelled.tolist():
            self._known.add(key)
        entries = itertools.count()
        worker = LabelWorker(
            seed=self._config.seed,
            number=job.number,
            processes=job.parts,
            first_game=job.first_game,
            move_values=self._move_values,
            with_moves_searched=self._teacher.with_moves_searched,
            new_game=self._teacher.new_game,
            known=self._known,
            # What was reported before the share was begun again comes again.
            skip=lambda entry: deliver(entry) if next(entries) >= job.skipped else None,
        )
        for group, visits in self._config.source.games(worker):
            lines = [(position_key(fen), all_values_line(group, fen, values)) for fen, values in visits]
            deliver(LabelledLines(group, lines))

    def _move_values(self, fen: str) -> Mapping[str, float]:
        config, teacher = self._config, self._teacher
        few_pieces = sum(character.isalpha() for character in fen.split()[0]) <= FEW_PIECES
        values: Mapping[str, float] = teacher.move_values(fen, (few_pieces and config.few_pieces_depth) or config.depth)
        for nodes, lines in ((config.best_nodes, 4), (config.choice_nodes, 1)):
            values = teacher.with_best_moves_searched(fen, values, nodes, lines) if nodes else values
        return values


def _resume(out: Path, config: LabelConfig) -> tuple[KnownPositions, LabelShares]:
    """Returns the positions of the file, and shares that begin after the games that it holds."""
    prefix = f"{config.seed}.{config.source.prefix}"
    keys: set[int] = set()
    groups: set[str] = set()
    if out.exists():
        content = out.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = whole.decode().splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"expected text with labels in {out}, got another file: {error}") from None
        if content and not lines and b"\t" not in content:
            raise ValueError(f"expected labels in {out}, got {content[:80]!r}")
        for number, line in enumerate(lines, 1):
            fields = line.split("\t")
            if len(fields) != 3:
                raise ValueError(f"expected group TAB fen TAB values in {out}, line {number}, got {line[:80]!r}")
            keys.add(position_key(fields[1]))
            groups.add(fields[0])
        drop_unfinished_line(out)  # only now: what holds no labels stays as it is
    known = KnownPositions(keys)
    shares = LabelShares(prefix, known)
    for group in groups:
        shares.played(group)
    return known, shares
