"""The replay buffer against a list, operation by operation."""

import jax
import jax.numpy as jnp
import numpy as np

from training.muesli.sequences import Sequences
from training.self_play import replay as replay_buffer

LANES, SLOTS, LENGTH = 3, 4, 2


def numbered(number: int) -> Sequences:
    """Returns a sequence whose every entry says where and when it was added."""
    mark = 10 * number + jnp.arange(LANES)[:, None] + jnp.zeros((1, LENGTH), jnp.int32)
    return Sequences(
        observation=jnp.repeat(mark[..., None], 5, axis=2).astype(jnp.int8),
        legal=jnp.zeros((LANES, LENGTH, 2), jnp.uint8),
        action=mark.astype(jnp.int16),
        log_behaviour=mark.astype(jnp.float32),
        reward=jnp.zeros((LANES, LENGTH), jnp.int8),
        is_terminal=mark > 30,
        is_truncated=mark > 50,
    )


def test_it_holds_the_newest_sequences_of_every_lane() -> None:
    buffer = replay_buffer.init(numbered(0), SLOTS)
    for number in range(7):
        buffer = replay_buffer.add(buffer, numbered(number))
        held = range(max(0, number + 1 - SLOTS), number + 1)
        drawn = replay_buffer.sample(buffer, jax.random.key(number), 64)
        assert drawn.action.shape == (LANES, 64, LENGTH) and drawn.action.dtype == jnp.int16
        for lane in range(LANES):
            numbers = np.unique(np.asarray(drawn.action[lane])).tolist()
            assert numbers == [10 * n + lane for n in held], number
        # All fields of a sequence stay together.
        np.testing.assert_array_equal(drawn.observation[..., 0], drawn.action)
        np.testing.assert_array_equal(drawn.is_terminal, np.asarray(drawn.action) > 30)


def test_draws_are_uniform() -> None:
    buffer = replay_buffer.init(numbered(0), SLOTS)
    for number in range(SLOTS):
        buffer = replay_buffer.add(buffer, numbered(number))
    drawn = np.asarray(replay_buffer.sample(buffer, jax.random.key(0), 4000).action)[0, :, 0]
    counts = np.unique(drawn, return_counts=True)[1]
    np.testing.assert_allclose(counts / 4000, 0.25, atol=0.035)  # five standard errors


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    buffer = replay_buffer.add(replay_buffer.init(numbered(0), SLOTS), numbered(1))
    assert replay_buffer.sample(buffer, jax.random.key(0), 0).action.shape == (LANES, 0, LENGTH)


def test_a_position_of_chess_takes_about_600_bytes() -> None:
    from training.games.environment import make_environment

    environment = make_environment("chess")
    legal_bytes = -(-environment.actions // 8)
    assert environment.observation_size + legal_bytes + 2 + 4 + 1 + 1 < 620
