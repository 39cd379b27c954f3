"""Random batches for the loss of Muesli: everything that it takes as given is drawn."""

import jax
import jax.numpy as jnp
import numpy as np

from training.muesli.agent import Prediction, Root
from training.muesli.muesli_loss import LossBatch
from training.muesli.prior_targets import PriorTargets
from training.muesli.sequences import Sequences, pack_legal


def random_batch(
    seed: int, observation: jax.Array, actions: int, past_policies: int, legal_share: float = 0.6
) -> tuple[LossBatch, np.ndarray]:
    """Returns a batch without an anchor, and which actions are legal.

    Args:
      seed: decides all draws.
      observation: `[B, T, O]`.
      actions: A.
      past_policies: M.
      legal_share: of the actions beside the one taken.
    """
    rng = np.random.default_rng(seed)
    shape = observation.shape[:2]
    legal = rng.random((*shape, actions)) < legal_share
    action = rng.integers(actions, size=shape)
    np.put_along_axis(legal, action[..., None], True, axis=-1)
    weights = np.where(legal, rng.random((*shape, actions)), 0.0)
    is_terminal = rng.random(shape) < 0.25
    is_truncated = ~is_terminal & (rng.random(shape) < 0.15)
    sequences = Sequences(
        observation=observation,
        legal=pack_legal(jnp.asarray(legal)),
        action=jnp.asarray(action, jnp.int16),
        log_behaviour=jnp.asarray(np.log(rng.uniform(0.05, 0.9, size=shape)), jnp.float32),
        reward=jnp.asarray(rng.integers(-1, 2, size=shape), jnp.int8),
        is_terminal=jnp.asarray(is_terminal),
        is_truncated=jnp.asarray(is_truncated),
    )
    has_return = 1.0 - is_truncated.astype(np.float32)
    has_return[:, -1] = 0
    flat = jnp.zeros((shape[0] * shape[1],))
    targets = PriorTargets(
        log_prior=jnp.asarray(np.where(legal, 0.0, -1e9), jnp.float32),
        value=jnp.zeros(shape),
        returns=jnp.asarray(rng.uniform(-1, 1, size=shape), jnp.float32),
        past_returns=jnp.asarray(rng.uniform(-1, 1, size=(*shape, past_policies)), jnp.float32),
        advantage=jnp.asarray(rng.normal(size=shape) * has_return, jnp.float32),
        policy=jnp.asarray(weights / weights.sum(axis=-1, keepdims=True), jnp.float32),
        has_return=jnp.asarray(has_return),
        clipped_share=jnp.float32(0),
        root=Root(latent=flat, prediction=Prediction(flat, flat, flat), residual=flat, steps=flat),
        result=jnp.asarray(rng.dirichlet(np.ones(3), size=shape), jnp.float32),
    )
    return LossBatch(sequences, jnp.asarray(legal), targets, None), legal
