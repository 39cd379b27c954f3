"""The interface between Muesli and a network: predictions for a position and, in latent form, after an action.

A latent is `[B, S, D]`: one vector a cell of the board, in the view of the side to move. A model step ends in the view
of the opponent, which is then the side to move; an agent therefore turns the cells over as the game does.
"""

from typing import NamedTuple, Protocol

import chex
import jax
from flax import struct

from training.muesli.muesli_config import MuesliConfig


class Prediction(struct.PyTreeNode):
    """Predictions for the side to move."""

    policy_logits: jax.Array  # [B, A] all actions; illegal ones are the caller's to mask
    value_logits: jax.Array  # [B, V] over the agent's value support
    past_value_logits: jax.Array  # [B, M, V] under M past policies
    result_logits: jax.Array | None = None  # [B, 3] win, draw, loss, of a position, where the network has such a head


class ModelStep(struct.PyTreeNode):
    """Predictions of the model after an action."""

    latent: jax.Array  # [B, S, D], in the view of the opponent
    reward_logits: jax.Array  # [B, 3] over -1, 0, 1, of the player who acted
    prediction: Prediction  # for the opponent


class Root(struct.PyTreeNode):
    """Evaluation of a position."""

    latent: jax.Array  # [B, S, D]
    prediction: Prediction
    residual: jax.Array  # [B] float32, of the fixed point; 0 where none is solved
    steps: jax.Array  # [B] int32, of its solver


class PolicyNetwork(Protocol):
    """A network that evaluates positions, as pure functions."""

    def root(self, params: chex.ArrayTree, observation: jax.Array) -> Root:
        """Evaluates observations int8 `[B, O]`."""


class Agent(PolicyNetwork, Protocol):
    """A network and its dynamics as pure functions."""

    @property
    def value_support(self) -> jax.Array:
        """Values that the value logits stand for, `[V]`, ascending, equally spaced."""

    def init(self, key: jax.Array) -> chex.ArrayTree:
        """Returns fresh parameters."""

    def advance(self, params: chex.ArrayTree, latent: jax.Array, action: jax.Array) -> ModelStep:
        """Advances latents `[B, S, D]` by actions int32 `[B]`."""


class Problem(NamedTuple):
    """The constants of a run."""

    agent: Agent
    config: MuesliConfig
    actions: int  # A
    most_legal: int  # legal actions that a position can have
