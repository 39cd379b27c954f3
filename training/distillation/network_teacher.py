"""Mixes a trained network's policy into the targets, as a second teacher (Hinton et al. 2015).

A wide network solved to a tight tolerance has averaged over the labels' noise; its policy over all moves is a softer
target than the values of one search.
"""

from pathlib import Path

import chex
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from engine.network.attention import MASKED
from training.distillation.distillation_config import TeacherConfig
from training.distillation.learner import make_policy
from training.distillation.trained_network import network_config, network_weights
from training.packed.device_batches import DeviceBatch
from training.runs.device_mesh import DATA, copied, place


class NetworkTeacher:
    """Mixes a network's policy into the targets of batches.

    Args:
      config: which network, and its share.
      mesh: the devices that batches are divided among.

    Raises:
      ValueError: the folder is neither a run's nor a network's.
    """

    def __init__(self, config: TeacherConfig, mesh: Mesh) -> None:
        folder = Path(config.folder)
        self._params = place(network_weights(folder), copied(mesh))
        policy = make_policy(network_config(folder))

        def target(params: chex.ArrayTree, batch: DeviceBatch) -> jax.Array:
            logits, _ = policy(params, batch.positions)
            return mixed_target(batch.target, logits, batch.legal, config.share)

        # Each device solves for its own positions, which XLA's partitioner would keep in step with the others'.
        specs = PartitionSpec(), PartitionSpec(DATA)
        self._target = jax.jit(
            jax.shard_map(target, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(DATA), check_vma=False)
        )

    def taught(self, batch: DeviceBatch) -> DeviceBatch:
        """Returns the batch with the teacher's policy mixed into its target."""
        return batch._replace(target=self._target(self._params, batch))


@jax.jit
def mixed_target(target: jax.Array, logits: jax.Array, legal: jax.Array, share: float) -> jax.Array:
    """Returns `(1 - share) * target + share * policy`.

    Args:
      target: `[B, Z]`, sums to 1, 0 at illegal cells.
      logits: `[B, Z]` of the teacher.
      legal: `[B, Z]` bool.
      share: 0..1, the teacher's.

    Returns:
      `[B, Z]`, sums to 1, 0 at illegal cells.
    """
    chex.assert_equal_shape([target, logits, legal])
    policy = jax.nn.softmax(jnp.where(legal, logits, MASKED), axis=-1)
    return (1 - share) * target + share * jnp.where(legal, policy, 0.0)
