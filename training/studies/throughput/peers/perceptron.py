"""A plain network for chess, in NumPy for one position and in JAX for many: men one-hot, one hidden layer, two heads.

With 256 hidden units it has about as many parameters as a network of the preset `cpu`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.move_labels import CELLS
from training.muesli.agent import Prediction, Root

_CODES = np.array([code for code in range(-7, 8) if code], np.int8)  # of the men, as in engine.encoding.position
INPUTS = 64 * len(_CODES)

Weights = dict[str, np.ndarray]


def perceptron_weights(hidden: int, seed: int = 0) -> Weights:
    """Returns random weights that keep the size of signals, float32."""
    draws = np.random.default_rng(seed)

    def matrix(inputs: int, outputs: int, active: int) -> np.ndarray:
        return (draws.normal(size=(inputs, outputs)) / np.sqrt(active)).astype(np.float32)

    return {
        "hidden": matrix(INPUTS, hidden, active=32),  # men
        "hidden_bias": np.zeros(hidden, np.float32),
        "policy": matrix(hidden, CELLS, active=hidden),
        "policy_bias": np.zeros(CELLS, np.float32),
        "value": matrix(hidden, 1, active=hidden),
    }


def perceptron(weights: Weights, position: np.ndarray) -> tuple[np.ndarray, float]:
    """Evaluates one position in NumPy.

    Args:
      weights: of the network.
      position: int8 `[P]`.

    Returns:
      Logits `[Z]` and the value to the mover, -1 to 1.
    """
    men = (position[:64, None] == _CODES).reshape(-1).astype(np.float32)
    hidden = np.maximum(men @ weights["hidden"] + weights["hidden_bias"], 0.0)
    value = float(np.tanh(hidden @ weights["value"])[0])
    return hidden @ weights["policy"] + weights["policy_bias"], value


class PerceptronNetwork:
    """The same network for the resident program; its parameters are the same weights."""

    def root(self, params: Any, observation: jax.Array) -> Root:
        """Evaluates positions int8 `[B, P]`; the latent is the hidden layer."""
        rows = observation.shape[0]
        men = observation[:, :64, None] == jnp.asarray(_CODES)[None, None]
        hidden = men.reshape(rows, -1).astype(jnp.float32) @ params["hidden"] + params["hidden_bias"][None]
        hidden = jax.nn.relu(hidden)
        prediction = Prediction(
            policy_logits=hidden @ params["policy"] + params["policy_bias"][None],
            value_logits=jnp.tanh(hidden @ params["value"]),
            past_value_logits=jnp.zeros((rows, 0, 1)),
        )
        no_solver = jnp.zeros((rows,))
        return Root(
            latent=hidden[:, None], prediction=prediction, residual=no_solver, steps=no_solver.astype(jnp.int32)
        )
