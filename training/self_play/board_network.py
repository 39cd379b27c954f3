"""A small residual network for small boards, with a model step of its own; implements `muesli/agent.py`.

It plays no part in the engine, which plays chess only.
"""

import dataclasses
from typing import Literal, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from engine.network.products import BFLOAT16, FLOAT32, Product, Projection
from training.games.environment import Environment
from training.muesli.agent import ModelStep, Prediction, Root
from training.self_play.line_features import LineFeatures

_ACTION_CHANNELS = 8
_HEAD_CHANNELS = 8
_PRODUCTS = {"float32": FLOAT32, "bfloat16": BFLOAT16}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoardNetworkConfig:
    """Shape of the network of a small game."""

    # D, channels of a cell.
    channels: int = 32
    # How cells exchange information: with their neighbours, or all with all by full matrices, for the smallest boards.
    mixing: Literal["neighbours", "board"] = "neighbours"
    # Features of each line of seven cells through a cell that the encoder begins with; 0 for none.
    line_features: int = 0
    # Residual blocks of the encoder.
    blocks: int = 3
    # Residual blocks of one model step.
    model_blocks: int = 1
    # Hidden width of value and reward heads.
    head_width: int = 64
    # V, points of the value's distribution from -1 to 1.
    value_bins: int = 21

    def __post_init__(self) -> None:
        """Raises ValueError for a count that is too small."""
        for name in ("channels", "blocks", "model_blocks", "head_width", "value_bins"):
            least = 2 if name == "value_bins" else 1
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} of at least {least}, got {getattr(self, name)}")
        if self.line_features < 0:
            raise ValueError(f"expected line_features of at least 0, got {self.line_features}")


class _NeighbourBlock(nn.Module):
    """A residual block over each cell's neighbourhood and the mean of the board."""

    board: tuple[int, int]
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        kernel = self.param("neighbours", nn.initializers.lecun_normal(), (3, 3, channels, channels))
        hidden = nn.relu(neighbourhood_product(x, kernel, self.board, self.product is BFLOAT16))
        hidden += Projection(channels, self.product, name="board")(jnp.mean(hidden, axis=1, keepdims=True))
        return nn.RMSNorm(name="norm")(x + Projection(channels, self.product, name="output")(hidden))


class _BoardBlock(nn.Module):
    """A residual block of two layers over the whole board."""

    board: tuple[int, int]
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, cells, channels = x.shape
        flat = x.reshape(batch, cells * channels)
        hidden = nn.relu(Projection(cells * channels, self.product, name="hidden")(flat))
        change = Projection(cells * channels, self.product, name="output")(hidden)
        return nn.RMSNorm(name="norm")(x + change.reshape(x.shape))


_BLOCKS = {"neighbours": _NeighbourBlock, "board": _BoardBlock}


def neighbourhood_product(
    x: jax.Array, kernel: jax.Array, board: tuple[int, int], rounds_to_bfloat16: bool
) -> jax.Array:
    """Returns a 3 x 3 convolution of every cell and its eight neighbours, 0 outside the board; `[B, S, E]` float32.

    Args:
      x: `[B, S, D]`.
      kernel: `[3, 3, D, E]`.
      board: rows and columns, S in all.
      rounds_to_bfloat16: whether factors and sums are rounded to bfloat16.
    """
    rows, columns = board
    chex.assert_shape(x, (None, rows * columns, kernel.shape[2]))
    dtype = jnp.bfloat16 if rounds_to_bfloat16 else jnp.float32
    image, weights = x.reshape(-1, rows, columns, x.shape[-1]).astype(dtype), kernel.astype(dtype)
    sums = jax.lax.conv_general_dilated(image, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return sums.reshape(*x.shape[:2], kernel.shape[-1]).astype(jnp.float32)


class BoardNetwork(nn.Module):
    """Encoder, model step and heads.

    Attributes:
      environment: the game.
      config: shape.
      past_policies: M.
      product: of the larger projections.
    """

    environment: Environment
    config: BoardNetworkConfig
    past_policies: int
    product: Product

    def setup(self) -> None:
        """Declares the parts."""
        config, environment, block = self.config, self.environment, _BLOCKS[self.config.mixing]
        self.embedding = Projection(config.channels, FLOAT32)
        if config.line_features:
            self.lines = LineFeatures(environment.board, config.line_features, config.channels, self.product)
        self.cell_embedding = self.param("cell_embedding", nn.initializers.normal(0.5), self._cell_shape)
        self.encoder = [block(environment.board, self.product) for _ in range(config.blocks)]
        action_shape = (environment.actions, environment.cells * _ACTION_CHANNELS)
        self.action_embedding = self.param("action_embedding", nn.initializers.normal(1.0), action_shape)
        self.action_input = Projection(config.channels, FLOAT32)
        self.model = [block(environment.board, self.product) for _ in range(config.model_blocks)]
        self.policy_cells = Projection(self._policy_channels, FLOAT32)
        self.policy_board = nn.Dense(environment.actions)
        self.value = _BoardHead(config.head_width, (1 + self.past_policies) * config.value_bins)
        self.reward = _BoardHead(config.head_width, 3)

    @property
    def _cell_shape(self) -> tuple[int, int]:
        return self.environment.cells, self.config.channels

    @property
    def _policy_channels(self) -> int:
        """Actions of a cell if all cells have equally many, else channels that are mixed over the board."""
        actions, cells = self.environment.actions, self.environment.cells
        return actions // cells if actions % cells == 0 else _HEAD_CHANNELS

    def __call__(self, observation: jax.Array, action: jax.Array) -> tuple[Root, ModelStep]:
        """Runs every part once, to create the parameters."""
        root = self.root(observation)
        return root, self.advance(root.latent, action)

    def root(self, observation: jax.Array) -> Root:
        """Evaluates observations int8 `[B, O]`."""
        cells, pieces = self.environment.cells, self.environment.pieces
        codes = np.arange(-pieces, pieces + 1, dtype=np.int8).reshape(1, 1, -1)
        planes = (observation[:, :cells, None] == codes).astype(jnp.float32)  # [B, S, 2 pieces + 1]
        numbers = jnp.broadcast_to(
            0.02 * observation[:, None, cells:].astype(jnp.float32), (*planes.shape[:2], self.environment.numbers)
        )
        x = self.embedding(jnp.concatenate([planes, numbers], axis=-1)) + self.cell_embedding[None]
        if self.config.line_features:
            x += self.lines(planes)
        for block in self.encoder:
            x = block(x)
        nothing = jnp.zeros(x.shape[:1])
        return Root(latent=x, prediction=self._predict(x), residual=nothing, steps=nothing.astype(jnp.int32))

    def advance(self, latent: jax.Array, action: jax.Array) -> ModelStep:
        """Advances latents `[B, S, D]` by actions int32 `[B]`."""
        one_hot = jax.nn.one_hot(action, self.environment.actions)  # a product, whose gradient is no scatter
        planes = (one_hot @ self.action_embedding).reshape(*latent.shape[:2], _ACTION_CHANNELS)
        x = latent + self.action_input(planes)
        for block in self.model:
            x = block(x)
        turned = self._turned(x)
        return ModelStep(latent=turned, reward_logits=self.reward(x), prediction=self._predict(turned))

    def _turned(self, x: jax.Array) -> jax.Array:
        """Returns the cells `[B, S, D]` as the opponent sees them."""
        places = self.environment.turned
        return x if np.array_equal(places, np.arange(len(places))) else x[:, places]

    def _predict(self, x: jax.Array) -> Prediction:
        batch, actions = x.shape[0], self.environment.actions
        policy = self.policy_cells(x).reshape(batch, -1)
        if policy.shape[1] != actions:
            policy = self.policy_board(policy)
        values = self.value(x).reshape(batch, 1 + self.past_policies, self.config.value_bins)
        return Prediction(policy_logits=policy, value_logits=values[:, 0], past_value_logits=values[:, 1:])


class _BoardHead(nn.Module):
    """Logits from the whole board."""

    width: int
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        cells = nn.relu(Projection(_HEAD_CHANNELS, FLOAT32, name="cells")(x))
        hidden = nn.relu(nn.Dense(self.width, name="hidden")(cells.reshape(x.shape[0], -1)))
        return nn.Dense(self.outputs, name="output", kernel_init=nn.initializers.zeros)(hidden)


class BoardAgent:
    """The network as Muesli uses it.

    Args:
      environment: the game.
      config: shape.
      past_policies: M.
      arithmetic: of the larger products.
    """

    def __init__(
        self, environment: Environment, config: BoardNetworkConfig, past_policies: int, arithmetic: str
    ) -> None:
        self._network = BoardNetwork(environment, config, past_policies, _PRODUCTS[arithmetic])
        self._environment, self._config = environment, config

    @property
    def value_support(self) -> jax.Array:
        """Values from -1 to 1, `[V]`."""
        return jnp.linspace(-1.0, 1.0, self._config.value_bins)

    def init(self, key: jax.Array) -> chex.ArrayTree:
        """Returns fresh parameters."""
        blank = jnp.zeros((1, self._environment.observation_size), jnp.int8)
        return self._network.init(key, blank, jnp.zeros((1,), jnp.int32))["params"]

    def root(self, params: chex.ArrayTree, observation: jax.Array) -> Root:
        """Evaluates observations int8 `[B, O]`."""
        return cast(Root, self._network.apply({"params": params}, observation, method="root"))

    def advance(self, params: chex.ArrayTree, latent: jax.Array, action: jax.Array) -> ModelStep:
        """Advances latents `[B, S, D]` by actions int32 `[B]`."""
        return cast(ModelStep, self._network.apply({"params": params}, latent, action, method="advance"))
