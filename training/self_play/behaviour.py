"""The policy that self-play draws its moves from, so that its probabilities can be stored exactly."""

import dataclasses

import jax
import jax.numpy as jnp

from training.muesli.cmpo import ILLEGAL, legal_log_policy


@dataclasses.dataclass(frozen=True, kw_only=True)
class BehaviourConfig:
    """How self-play departs from the target network's policy."""

    # Divisor of the logits, above 0.
    temperature: float = 1.0
    # Share of uniformly random moves.
    random_share: float = 0.02
    # Games begin with 0 to this many uniformly random plies.
    opening_plies: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        if not self.temperature > 0:
            raise ValueError(f"expected temperature above 0, got {self.temperature}")
        if not 0 <= self.random_share <= 1:
            raise ValueError(f"expected random_share in [0, 1], got {self.random_share}")
        if self.opening_plies < 0:
            raise ValueError(f"expected opening_plies of at least 0, got {self.opening_plies}")


def log_behaviour(
    policy_logits: jax.Array, legal: jax.Array, is_opening: jax.Array, config: BehaviourConfig
) -> jax.Array:
    """Returns the log-probabilities that moves are drawn with.

    Args:
      policy_logits: `[B, A]`.
      legal: bool `[B, A]`.
      is_opening: bool `[B]`, whether the move is one of the random ones at the start.
      config: mixture.

    Returns:
      `[B, A]`, about `ILLEGAL` at illegal actions.
    """
    policy = jnp.exp(legal_log_policy(policy_logits / config.temperature, legal))
    uniform = legal / jnp.sum(legal, axis=1, keepdims=True, dtype=jnp.float32)
    share = jnp.where(is_opening, 1.0, config.random_share)[:, None]
    mixture = (1.0 - share) * policy + share * uniform
    return jnp.where(legal, jnp.log(jnp.maximum(mixture, 1e-30)), ILLEGAL)
