"""The recursive network as Muesli uses it: its own heads for a position, a latent model for later ones.

Parameters are `network`, which plays and which distillation trains, and `model`, which improves its policy. The heads
of a position see static facts of the board that a latent after a move does not have, so the model has its own.
"""

import dataclasses
from typing import Any, cast

import chex
import jax
import jax.numpy as jnp
import optax

from engine.encoding.position import POSITION_SIZE
from engine.network.cores.core_configs import DeqConfig
from engine.network.latent_model.dynamics import LatentHeads, LatentModel, LatentStep
from engine.network.latent_model.policy_improvement import ModelConfig, value_support
from engine.network.model import evaluate_with_squares
from engine.network.network_config import NetworkConfig
from engine.network.products import BFLOAT16, FLOAT32
from engine.solver_config import SolverConfig
from training.distillation.learner import make_network
from training.muesli.agent import ModelStep, Prediction, Root

_MODEL_WIDTH, _MODEL_HEADS = 64, 4


def model_settings(past_policies: int, clip: float, scale: float) -> ModelConfig:
    """Returns the settings of every latent model that is trained here, and of the policy improved by its values.

    Args:
      past_policies: M.
      clip: c, the bound on normalised advantages.
      scale: what divides advantages.
    """
    return ModelConfig(width=_MODEL_WIDTH, heads=_MODEL_HEADS, past_policies=past_policies, clip=clip, scale=scale)


class ChessAgent:
    """The network and its model.

    Args:
      config: of the network.
      past_policies: M.
      arithmetic: of the model's products; the network has its own.
      model_gradient: share of the model's gradient that passes back into the network, 0..1.
    """

    def __init__(self, config: NetworkConfig, past_policies: int, arithmetic: str, model_gradient: float = 1.0) -> None:
        self._config, self._network, self._model_gradient = config, make_network(config), model_gradient
        product = {"float32": FLOAT32, "bfloat16": BFLOAT16}[arithmetic]
        self._model = LatentModel(_MODEL_WIDTH, _MODEL_HEADS, config.value_bins, past_policies, product)

    @property
    def value_support(self) -> jax.Array:
        """Win minus loss at the middle of each bin of the expected score, `[V]`."""
        return value_support(self._config.value_bins)

    def init(self, key: jax.Array) -> chex.ArrayTree:
        """Returns fresh parameters."""
        network_key, model_key = jax.random.split(key)
        blank = jnp.zeros((1, POSITION_SIZE), jnp.int8).at[:, :2].set(jnp.array([6, -6], jnp.int8))
        squares = jnp.zeros((1, 64, self._config.width))
        return {
            "network": self._network.init(network_key, blank)["params"],
            "model": self._model.init(model_key, squares, jnp.zeros((1,), jnp.int32))["params"],
        }

    def root(self, params: Any, observation: jax.Array) -> Root:
        """Evaluates positions int8 `[B, P]`."""
        output, squares = evaluate_with_squares(self._network, params["network"], observation)
        squares = cast(jax.Array, optax.scale_gradient(squares, self._model_gradient))
        latent = cast(jax.Array, self._apply(params, squares, method="embed"))
        past = cast(LatentHeads, self._apply(params, latent, method="predict")).value_logits[:, 1:]
        prediction = Prediction(
            policy_logits=output.policy_logits,
            value_logits=output.score_logits,
            past_value_logits=past,
            result_logits=output.wdl_logits,
        )
        return Root(latent=latent, prediction=prediction, residual=output.stats.residual, steps=output.stats.steps)

    def advance(self, params: Any, latent: jax.Array, action: jax.Array) -> ModelStep:
        """Advances latents `[B, S, W]` by policy cells int32 `[B]`."""
        step = cast(LatentStep, self._apply(params, latent, action, method="advance"))
        values = step.heads.value_logits
        prediction = Prediction(
            policy_logits=step.heads.policy_logits, value_logits=values[:, 0], past_value_logits=values[:, 1:]
        )
        return ModelStep(latent=step.latent, reward_logits=step.reward_logits, prediction=prediction)

    def _apply(self, params: Any, *inputs: jax.Array, method: str) -> Any:
        return self._model.apply({"params": params["model"]}, *inputs, method=method)


def with_one_iteration(config: NetworkConfig) -> NetworkConfig:
    """Returns a network's settings with one iteration and products in bfloat16; other cores keep their iterations.

    Int8 products and all its iterations play alike and take several times as long.
    """
    if not isinstance(config.core, DeqConfig):
        return dataclasses.replace(config, arithmetic="bfloat16")
    once = SolverConfig(method="picard", max_steps=1, tolerance=0.0, stagnation_steps=0)
    return dataclasses.replace(
        config, arithmetic="bfloat16", core=dataclasses.replace(config.core, solver=once, exit=None)
    )
