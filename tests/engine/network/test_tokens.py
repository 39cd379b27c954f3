"""Which pieces get which slot, and moving arrays between squares and tokens."""

import chess
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.encoding.position import encode_position
from engine.network.tokens import SLOTS, Tokens, tokens_of
from tests.doubles.tiny_network import positions
from tests.reference.random_games import random_placement

compiled_tokens = jax.jit(tokens_of, static_argnums=1)


@jax.jit
def there_and_back(tokens: Tokens, squares: jnp.ndarray, pairs: jnp.ndarray) -> tuple[jnp.ndarray, ...]:
    at_tokens = tokens.gather(squares)
    return at_tokens, tokens.spread(at_tokens), tokens.gather_pairs(pairs)


def slots_of(position: np.ndarray) -> list[int | None]:
    """Returns the square in each of the 32 slots, by two lists."""
    own = [square for square in range(64) if position[square] > 0]
    theirs = [square for square in range(64) if position[square] < 0]
    return [*own, *[None] * (SLOTS - len(own)), *theirs, *[None] * (SLOTS - len(theirs))]


def assert_slots(position: np.ndarray) -> None:
    tokens = compiled_tokens(position[None], "pieces")
    select, is_used = np.asarray(tokens.select)[0], np.asarray(tokens.is_used)[0]
    for slot, square in enumerate(slots_of(position)):
        expected = np.zeros(64)
        if square is not None:
            expected[square] = 1
        np.testing.assert_array_equal(select[slot], expected)
        assert is_used[slot] == (square is not None)


@given(st.integers(0, 10**9))
@settings(max_examples=60)
def test_slots_of_random_boards(seed: int) -> None:
    board = random_placement(seed)
    if max(len(chess.SquareSet(side)) for side in board.occupied_co) <= SLOTS:
        assert_slots(encode_position(board))


def test_slots_of_games() -> None:
    for position in positions(128)[::9]:
        assert_slots(position)


def test_slots_by_hand() -> None:
    # Black to move: its king g8 is seen on g1, its rook e8 on e1; White's king e1 is seen on e8, the pawn a2 on a7.
    position = encode_position(chess.Board("4r1k1/8/8/8/8/8/P7/4K3 b - - 0 1"))
    tokens = tokens_of(jnp.asarray(position)[None], "pieces")
    used = np.flatnonzero(tokens.is_used[0])
    np.testing.assert_array_equal(used, [0, 1, 16, 17])
    assert tokens.select is not None
    squares = np.argmax(tokens.select[0], axis=1)[used]
    assert [chess.square_name(int(square)) for square in squares] == ["e1", "g1", "a7", "e8"]


def test_gather_then_spread_keeps_the_men_and_clears_the_rest() -> None:
    batch = positions(128)[::16]
    rng = np.random.default_rng(0)
    squares = rng.normal(size=(len(batch), 64, 5)).astype(np.float32)
    pairs = rng.normal(size=(len(batch), 64, 64)).astype(np.float32)
    at_tokens, back, at_pairs = there_and_back(compiled_tokens(batch, "pieces"), squares, pairs)
    # One-hot products are exact: every sum has one term that is not 0.
    np.testing.assert_array_equal(back, np.where((batch[:, :64] != 0)[:, :, None], squares, 0))
    for b, position in enumerate(batch):
        slots = slots_of(position)
        for n, square in enumerate(slots):
            np.testing.assert_array_equal(at_tokens[b, n], 0 if square is None else squares[b, square])
            for m, other in enumerate(slots):
                empty = square is None or other is None
                assert at_pairs[b, n, m] == (0 if empty else pairs[b, square, other])


def test_all_squares_are_tokens_in_order() -> None:
    batch = positions(128)[::32]
    tokens = tokens_of(jnp.asarray(batch), "squares")
    assert tokens.select is None
    assert tokens.is_used.shape == (4, 64) and bool(tokens.is_used.all())
    squares, pairs = jnp.ones((4, 64, 3)), jnp.ones((4, 64, 64))
    assert tokens.gather(squares) is squares
    assert tokens.spread(squares) is squares
    assert tokens.gather_pairs(pairs) is pairs
