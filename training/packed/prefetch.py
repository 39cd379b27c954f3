"""Making the next things of a numbered stream in the background while one is used."""

import queue
import threading
from collections.abc import Callable, Generator
from functools import partial
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
_POLL_S = 0.1


def prefetch(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    """Yields stream(start), stream(start + 1), ... without end, made ahead by a daemon thread.

    The thread starts with the first item asked for and stops when the iterator is closed or
    dropped.

    Args:
      stream: makes item number i; only the thread calls it.
      start: number of the first item.
      depth: how many items may wait, at least 1.

    Raises:
      Exception: whatever `stream` raised, at the place of the item it could not make.
    """
    if depth < 1:
        raise ValueError(f"expected a prefetch depth >= 1, got {depth}")
    return _items(stream, start, depth)


def _items(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    made: queue.Queue[_Outcome[ItemT]] = queue.Queue(depth)
    stop = threading.Event()
    arguments = (stream, start, made, stop)
    producer = threading.Thread(target=_produce, args=arguments, name="prefetch", daemon=True)
    producer.start()
    try:
        while True:
            yield made.get().result()
    finally:
        stop.set()
        # A daemon that is still inside XLA when the interpreter ends brings the process down.
        producer.join()


class _Outcome(Generic[ItemT]):
    """An item, or the error that came instead of it."""

    def __init__(self, make: Callable[[], ItemT]) -> None:
        self.error: BaseException | None = None
        try:
            self._item = make()
        except BaseException as error:  # Raised again where the item is asked for.
            self.error = error

    def result(self) -> ItemT:
        if self.error is not None:
            raise self.error
        return self._item


def _produce(
    stream: Callable[[int], ItemT],
    index: int,
    made: "queue.Queue[_Outcome[ItemT]]",
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        outcome = _Outcome(partial(stream, index))
        while not stop.is_set():
            try:
                made.put(outcome, timeout=_POLL_S)
                break
            except queue.Full:
                continue
        if outcome.error is not None:
            return
        index += 1
