"""The network: encoded positions → tokens → fixed point → policy and value."""

from typing import cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from engine.encoding.attacks import attacks_of
from engine.encoding.position import POSITION_SIZE
from engine.encoding.square_features import square_features
from engine.fixed_point.solve import SolveStats
from engine.network.attention import MASKED
from engine.network.block import Injection
from engine.network.core_deq import DeqCore
from engine.network.heads import PolicyHead, ValueHead
from engine.network.network_config import NetworkConfig
from engine.network.products import FLOAT32, Product, Projection
from engine.network.relations import RelationBias
from engine.network.tokens import tokens_of


class NetworkOutput(struct.PyTreeNode):
    """What one evaluation says, for the side to move."""

    policy_logits: jax.Array  # [B, Z] all cells; illegal ones are the caller's to mask
    wdl_logits: jax.Array  # [B, 3] win, draw, loss
    score_logits: jax.Array  # [B, bins] over the expected score
    stats: SolveStats  # of the fixed point, [B] each


class Network(nn.Module):
    """RecurseZero.

    Attributes:
      config: shape and arithmetic.
      product: how the trunk's projections multiply; `int8.product_of(config)` or a serving form.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, position: jax.Array, step_limit: jax.Array | None = None) -> NetworkOutput:
        """Evaluates positions.

        Args:
          position: int8 `[B, P]` encoded positions.
          step_limit: scalar int32 bound on the solver's steps, may be traced.

        Returns:
          Logits and solver statistics.
        """
        chex.assert_shape(position, (None, POSITION_SIZE))
        attacks = attacks_of(position)
        features = square_features(position, attacks)  # [B, S, F]
        tokens = tokens_of(position, self.config.tokens)
        width = self.config.width
        embedded = Projection(width, FLOAT32, name="embedding")(tokens.gather(features))
        places = self.param("square_embedding", nn.initializers.normal(0.02), (64, width))
        embedded += places[None] if tokens.select is None else tokens.select @ places
        bias = RelationBias(self.config.heads, name="relations")(tokens, attacks)
        injection = Injection(nn.RMSNorm(name="norm_embedding")(embedded), bias)
        z, stats = DeqCore(self.config, self.product, name="core")(injection, step_limit)
        mask = jnp.where(tokens.is_used, 0.0, MASKED)[:, None, None, :]
        policy = PolicyHead(self.config, self.product, name="policy")(z, tokens, features, mask)
        wdl, score = ValueHead(self.config, name="value")(z, tokens.is_used)
        return NetworkOutput(policy, wdl, score, stats)


def evaluate(
    network: Network, params: chex.ArrayTree, position: jax.Array, step_limit: jax.Array | None = None
) -> NetworkOutput:
    """Applies a network to positions; pure, to be compiled by the caller.

    Args:
      network: in training or serving form.
      params: of that form.
      position: int8 `[B, P]`.
      step_limit: scalar int32 bound on the solver's steps.
    """
    return cast(NetworkOutput, network.apply({"params": params}, position, step_limit))
