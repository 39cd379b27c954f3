"""Adaptive computation time by hand, and that empty slots have ended from the start."""

import jax.numpy as jnp
import numpy as np

from engine.network.cores.halting import advance_halting, begin_halting, finish_halting, running


def test_a_worked_example() -> None:
    # One board of three tokens: the first ends at its second state, the second never, the third is an empty slot.
    halting = begin_halting(jnp.zeros((1, 3, 1)), jnp.array([[1.0, 1.0, 0.0]]))
    assert running(halting).tolist() == [[1.0, 1.0, 0.0]]
    probabilities = ([[0.6, 0.1, 0.5]], [[0.6, 0.1, 0.5]], [[0.6, 0.1, 0.5]])
    for number, probability in enumerate(probabilities, start=1):
        z = jnp.full((1, 3, 1), 10.0 * number)
        halting = advance_halting(halting, z, jnp.array(probability), threshold=0.99)
    np.testing.assert_allclose(halting.total, [[1.0, 0.3, 1.0]], rtol=1e-6)
    assert running(halting).tolist() == [[0.0, 1.0, 0.0]]
    mean, ponder = finish_halting(halting, jnp.full((1, 3, 1), 30.0))
    # .6 * 10 + .4 * 20; .1 * (10 + 20 + 30) + .7 * 30; nothing.
    np.testing.assert_allclose(mean[0, :, 0], [14.0, 27.0, 0.0], rtol=1e-6)
    # Two steps and .4 left for the second; three steps and .7 left; nothing.
    np.testing.assert_allclose(ponder, [[2.4, 3.7, 0.0]], rtol=1e-6)


def test_a_total_of_the_threshold_ends() -> None:
    halting = begin_halting(jnp.zeros((1, 1, 1)), jnp.ones((1, 1)))
    halting = advance_halting(halting, jnp.ones((1, 1, 1)), jnp.array([[0.75]]), threshold=0.75)
    assert running(halting).tolist() == [[0.0]] and halting.total.tolist() == [[1.0]]
