"""Makes items ahead in a thread, such as the next batches while an update runs."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

ItemT = TypeVar("ItemT")


def prefetch(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    """Yields stream(start), stream(start + 1), ... without end, made ahead by one thread.

    The thread starts with the first item asked for and ends when the iterator is closed or dropped.

    Args:
      stream: makes item number i; only the thread calls it.
      start: number of the first item.
      depth: how many items may wait beside the one that is being made, at least 1.

    Raises:
      Exception: whatever `stream` raised, at the place of the item it could not make.
    """
    if depth < 1:
        raise ValueError(f"expected a prefetch depth >= 1, got {depth}")
    return _items(stream, start, depth)


def _items(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    numbers = count(start)
    # Its thread is joined: one that is still inside XLA when the interpreter exits would crash the process.
    executor = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        pending = deque(executor.submit(stream, next(numbers)) for _ in range(depth + 1))
        while True:
            item = pending.popleft().result()
            pending.append(executor.submit(stream, next(numbers)))
            yield item
    finally:
        executor.shutdown(cancel_futures=True)
