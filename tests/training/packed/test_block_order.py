"""The order in blocks: every row once an epoch, from few blocks at a time."""

import numpy as np
import pytest

from training.packed.block_order import BLOCK_ROWS, WINDOW_BLOCKS, BlockOrder, ranges

WINDOW = BLOCK_ROWS * WINDOW_BLOCKS


def generators(*part: int) -> np.random.Generator:
    return np.random.default_rng([7, *part])


@pytest.mark.parametrize(
    "size", [1, 100, BLOCK_ROWS, WINDOW, WINDOW + 1, 2 * WINDOW - 5, 3 * WINDOW + 3 * BLOCK_ROWS + 9]
)
def test_every_row_is_there_once(size: int) -> None:
    order = BlockOrder(size, generators)[np.arange(size)]
    assert np.array_equal(np.sort(order), np.arange(size))
    assert size < 3 or not np.array_equal(order, np.arange(size))


def test_places_give_the_same_rows_however_they_are_asked_for() -> None:
    size = 3 * WINDOW - 1000
    whole = BlockOrder(size, generators)[np.arange(size)]
    order = BlockOrder(size, generators)
    places = np.random.default_rng(1).integers(0, size, 500)
    assert np.array_equal(order[places], whole[places])
    for first in range(size - 999, 0, -50_000):
        assert np.array_equal(order[np.arange(first, first + 999)], whole[first : first + 999])


def test_rows_come_from_the_blocks_of_their_window_shuffled_together() -> None:
    expected: list[list[int]] = []
    order = BlockOrder(5 * WINDOW, generators, lambda blocks: expected.append(blocks.tolist()))
    seen = [sorted(set((order[np.arange(w * WINDOW, w * WINDOW + 999)] // BLOCK_ROWS).tolist())) for w in range(5)]
    assert [len(blocks) for blocks in seen] == [WINDOW_BLOCKS] * 5
    assert sorted(sum(seen, [])) == list(range(5 * WINDOW_BLOCKS))
    assert [sorted(blocks) for blocks in expected] == [*seen[1:], []]


def test_ranges_are_those_of_a_loop() -> None:
    starts, counts = np.array([5, 0, 9, 9]), np.array([2, 0, 3, 1])
    assert ranges(starts, counts).tolist() == [5, 6, 9, 10, 11, 9]
    assert ranges(starts[:0], counts[:0]).tolist() == []
