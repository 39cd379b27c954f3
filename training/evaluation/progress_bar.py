"""A line on stderr that shows how far a measurement is and when it will be done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str, total: int, unit: str) -> Iterator[Callable[[int, str], None]]:
    """Shows a bar with the time left while the block runs; stdout stays free for results.

    Args:
      title: what is measured.
      total: number of units.
      unit: what is counted, such as "positions".

    Yields:
      A function that takes the number of units just finished and a short note to show.
    """
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
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, note="")
        yield lambda count, note: progress.update(task, advance=count, note=note)
