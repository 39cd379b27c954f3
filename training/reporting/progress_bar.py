"""Shows on stderr how far a command has got and how much time is left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOG_EVERY_S = 30.0  # between lines where there is no terminal to redraw one


@contextmanager
def progress_bar(title: str, total: int, unit: str, done: int = 0) -> Iterator[Callable[[float, str], None]]:
    """Shows a bar with the time left while the block runs; stdout stays free for results.

    Where stderr is no terminal, a line is written now and then instead.

    Args:
      title: of the work, such as "packing".
      total: number of units.
      unit: what is counted, such as "positions" or "%".
      done: units that an earlier call finished; the time left is estimated without them.

    Yields:
      A function that takes the number of units just finished and a short note to show.
    """
    if sys.stderr.isatty():
        with _bar(title, total, unit, done) as advance:
            yield advance
    else:
        yield _log(title, total, unit, done)


@contextmanager
def _bar(title: str, total: int, unit: str, done: int) -> Iterator[Callable[[float, str], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:.0f}") if unit == "%" else MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done, note="")
        yield lambda count, note: progress.update(task, advance=count, note=note)


def _log(title: str, total: int, unit: str, done: int) -> Callable[[float, str], None]:
    started_s = shown_s = time.monotonic()
    finished: float = done

    def advance(count: float, note: str) -> None:
        nonlocal finished, shown_s
        finished += count
        now_s = time.monotonic()
        if now_s - shown_s < _LOG_EVERY_S and finished < total:
            return
        shown_s = now_s
        left_s = (now_s - started_s) / max(finished - done, 1) * (total - finished)
        left = f"{int(left_s) // 60}:{int(left_s) % 60:02d} left"
        amount = f"{finished:.0f} %" if unit == "%" else f"{finished:.0f}/{total} {unit}"
        print(f"{title} {amount}, {left}  {note}".rstrip(), file=sys.stderr, flush=True)

    return advance
