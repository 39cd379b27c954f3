"""Sequences of self-play as the replay holds them and the learner takes them."""

import jax
import jax.numpy as jnp
from flax import struct


class Successors(struct.PyTreeNode):
    """The positions after the candidates that `candidate_actions.py` chose when the game was played.

    Leading axes are `[B, T, C]`; what follows where there is no candidate has no meaning.
    """

    action: jax.Array  # [B, T, C] int16, -1 where there is none
    observation: jax.Array  # [B, T, C, O] int8, of the side then to move
    reward: jax.Array  # [B, T, C] int8, of the player who acted
    is_terminal: jax.Array  # [B, T, C] bool


class Sequences(struct.PyTreeNode):
    """Consecutive positions of some games; a game that ends is followed by the next one.

    Leading axes are `[B, T]`. Positions are as small as the game allows; legal actions are packed bits.
    """

    observation: jax.Array  # [B, T, O] int8, of the side to move
    legal: jax.Array  # [B, T, ceil(A / 8)] uint8, packed
    action: jax.Array  # [B, T] int16, as drawn
    log_behaviour: jax.Array  # [B, T] float32, log-probability of the action under the policy it was drawn from
    reward: jax.Array  # [B, T] int8, of the player who acted
    is_terminal: jax.Array  # [B, T] bool, the game ended with the action
    successors: Successors | None = None  # where action values are the rules' and not the model's


def pack_legal(legal: jax.Array) -> jax.Array:
    """Returns bool `[..., A]` as uint8 `[..., ceil(A / 8)]`."""
    return jnp.packbits(legal, axis=-1)


def unpack_legal(packed: jax.Array, actions: int) -> jax.Array:
    """Returns packed bits as bool `[..., A]`."""
    return jnp.unpackbits(packed, axis=-1, count=actions).astype(bool)
