"""Sequences of self-play, in the replay and for the learner, and masks of the steps after each position.

A sequence runs on into the next game where one ends. Beyond the end of a game, and of the sequence, nothing is learned;
the ended game itself is a position of value 0 without a policy. A game may also be truncated, that is given up before
its end: what followed is then as unknown as it is at the end of the sequence.
"""

from typing import NamedTuple

import chex
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
    is_truncated: jax.Array  # [B, T] bool, the game was given up after the action, which did not end it
    successors: Successors | None = None  # where action values are the rules' and not the model's


def pack_legal(legal: jax.Array) -> jax.Array:
    """Returns bool `[..., A]` as uint8 `[..., ceil(A / 8)]`."""
    return jnp.packbits(legal, axis=-1)


def unpack_legal(packed: jax.Array, actions: int) -> jax.Array:
    """Returns packed bits as bool `[..., A]`."""
    return jnp.unpackbits(packed, axis=-1, count=actions).astype(bool)


def is_return_known(sequences: Sequences) -> jax.Array:
    """Returns where the outcome of the action is in the sequence, bool `[B, T]`.

    It is not where the game was truncated, nor at a last step that did not end the game.
    """
    return ~sequences.is_truncated.at[:, -1].set(~sequences.is_terminal[:, -1])


class UnrollMasks(NamedTuple):
    """Masks of the targets `k` steps after a start, k = 0..K; float32 0 or 1."""

    is_same_game: jax.Array  # [T, K + 1], the position after k steps is of the start's game, and its game goes on
    is_reached: jax.Array  # [T, K + 1], as above, or the game ended with the k-th step
    is_played: jax.Array  # [T, K + 1], the action that leads there was played in the start's game; nothing at k = 0


def after(values: jax.Array, steps: int) -> jax.Array:
    """Returns the entries `steps` places later of `[T, ...]`, 0 beyond the end; same shape."""
    length = values.shape[0]
    padding = jnp.zeros((min(steps, length), *values.shape[1:]), values.dtype)
    return jnp.concatenate([values[steps:], padding])


def unroll_masks(is_terminal: jax.Array, is_truncated: jax.Array, steps: int) -> UnrollMasks:
    """Returns the masks of one sequence.

    Args:
      is_terminal: bool `[T]`, whether the game ended with the step's action.
      is_truncated: bool `[T]`, whether it was given up after it.
      steps: K.
    """
    chex.assert_rank(is_terminal, 1)
    chex.assert_equal_shape([is_terminal, is_truncated])
    length = is_terminal.shape[0]

    def in_steps(happens: jax.Array) -> jax.Array:
        """Returns whether it happens with the action at t + k, `[T, K]`."""
        return jnp.stack([after(happens.astype(jnp.float32), k) for k in range(steps)], axis=1)

    ends, stops = in_steps(is_terminal), in_steps(is_terminal | is_truncated)
    start = jnp.ones((length, 1))
    has_not_ended = jnp.concatenate([start, jnp.cumprod(1.0 - stops, axis=1)], axis=1)  # [T, K + 1]
    just_ended = jnp.concatenate([jnp.zeros_like(start), has_not_ended[:, :steps] * ends], axis=1)
    is_inside = jnp.stack([after(jnp.ones((length,)), k) for k in range(steps + 1)], axis=1)
    is_same_game = has_not_ended * is_inside
    is_played = jnp.concatenate([jnp.zeros_like(start), is_same_game[:, :steps]], axis=1)
    return UnrollMasks(is_same_game=is_same_game, is_reached=is_same_game + just_ended, is_played=is_played)
