"""Games that are given up before their end, worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from training.muesli.agent import ModelStep, Prediction, Problem, Root
from training.muesli.muesli_config import MuesliConfig
from training.muesli.prior_targets import prior_targets
from training.muesli.sequences import Sequences, pack_legal, unroll_masks
from training.muesli.values import initial_scale

# Of three positions .4, -.3 and .7, by the probabilities of loss, draw and win.
VALUES = jnp.log(jnp.array([[0.2, 0.2, 0.6], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]))


class ThreeRows:
    """Knows the values of three positions and prefers nothing."""

    value_support = jnp.array([-1.0, 0.0, 1.0])

    def init(self, key: jax.Array) -> jax.Array:
        """Returns the values."""
        del key
        return VALUES

    def root(self, params: jax.Array, observation: jax.Array) -> Root:
        """Looks up the values; an observation is the number of its row."""
        row = observation[:, 0].astype(jnp.int32)
        prediction = Prediction(jnp.zeros((len(row), 2)), params[row], jnp.zeros((len(row), 0, 3)))
        return Root(latent=row[:, None, None], prediction=prediction, residual=row * 0.0, steps=row * 0)

    def advance(self, params: jax.Array, latent: jax.Array, action: jax.Array) -> ModelStep:
        """Expects nothing of any action."""
        del params
        nothing = jnp.zeros((len(action), 3))
        prediction = Prediction(nothing[:, :2], nothing, jnp.zeros((len(action), 0, 3)))
        return ModelStep(latent=latent, reward_logits=nothing, prediction=prediction)


def test_masks_of_a_truncated_game_by_hand() -> None:
    # The game is given up after the action at 1, a new one starts at 2 and ends with the action at 3.
    ends, stops = jnp.array([False, False, False, True, False]), jnp.array([False, True, False, False, False])
    masks = unroll_masks(ends, stops, 2)
    np.testing.assert_array_equal(masks.is_same_game, [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    # The position after the last action of the first game is neither known nor worth nothing.
    np.testing.assert_array_equal(masks.is_reached, [[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(masks.is_played, [[0, 1, 1], [0, 1, 0], [0, 1, 1], [0, 1, 0], [0, 1, 0]])


def test_a_truncated_game_is_worth_what_the_network_expected_by_hand() -> None:
    # One game of three moves is given up after the second one; the third begins another game, which it wins.
    rows = 3
    sequences = Sequences(
        observation=jnp.arange(rows, dtype=jnp.int8).reshape(1, rows, 1),
        legal=pack_legal(jnp.ones((1, rows, 2), bool)),
        action=jnp.zeros((1, rows), jnp.int16),
        log_behaviour=jnp.full((1, rows), -10.0),
        reward=jnp.array([[0, 0, 1]], jnp.int8),
        is_terminal=jnp.array([[False, False, True]]),
        is_truncated=jnp.array([[False, True, False]]),
    )

    problem = Problem(ThreeRows(), MuesliConfig(bootstrap="value", normalises_advantages=False), 2, 2)
    legal, past = jnp.ones((1, rows, 2), bool), jnp.zeros((1, rows, 0))
    targets, _ = prior_targets(problem, VALUES, sequences, legal, past, initial_scale(), jax.random.key(0))
    # The first move is worth minus the value of the position in which the game was given up, whatever came afterwards.
    np.testing.assert_allclose(targets.returns, [[0.3, -0.3, 1.0]], atol=1e-6)
    np.testing.assert_array_equal(targets.has_return, [[1, 0, 1]])
    np.testing.assert_allclose(targets.advantage, [[-0.1, 0.0, 0.3]], atol=1e-6)
