"""Prefetching: order, depth, errors and the end of its thread."""

import threading
import time
from itertools import islice

import pytest

from training.packed.prefetch import prefetch


def prefetching() -> int:
    return sum(thread.name.startswith("prefetch") for thread in threading.enumerate())


def assert_the_thread_ends() -> None:
    deadline_s = time.monotonic() + 10
    while prefetching() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert prefetching() == 0


def test_items_come_in_order_from_the_start() -> None:
    items = prefetch(lambda index: index * index, 5, depth=3)
    assert list(islice(items, 4)) == [25, 36, 49, 64]
    items.close()
    assert_the_thread_ends()


def test_it_works_ahead_but_not_further_than_asked() -> None:
    made: list[int] = []
    items = prefetch(lambda index: made.append(index) or index, 0, depth=2)  # type: ignore[func-returns-value]
    assert next(items) == 0
    deadline_s = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    time.sleep(0.2)
    # Two wait in the queue and one is in the thread's hand.
    assert made == [0, 1, 2, 3]
    del items
    assert_the_thread_ends()


def test_an_error_comes_where_its_item_would() -> None:
    items = prefetch(lambda index: 1 // (2 - index), 0, depth=5)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)
    assert_the_thread_ends()


def test_depth_is_checked_at_once() -> None:
    with pytest.raises(ValueError, match="depth >= 1, got 0"):
        prefetch(lambda index: index, 0, depth=0)
