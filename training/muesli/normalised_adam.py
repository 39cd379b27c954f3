"""AdamW whose normalised update is clipped elementwise to +-1 before the learning rate (Hessel et al. 2021, appendix).

It is the update that is clipped and not the gradient: one surprising batch moves no weight by more than the learning
rate.
"""

import jax
import optax


def clipped_adam(
    learning_rate: float, weight_decay: float, clips_updates: bool, b2: float = 0.999, network_share: float = 1.0
) -> optax.GradientTransformation:
    """Returns the optimiser at its peak learning rate.

    Args:
      learning_rate: peak.
      weight_decay: decoupled, of matrices.
      clips_updates: whether to clip.
      b2: decay of the second moment.
      network_share: factor on the rate of parameters below the name `network`.
    """

    def scaled(path: jax.tree_util.KeyPath, change: jax.Array) -> jax.Array:
        is_network = path[:1] == (jax.tree_util.DictKey("network"),)
        return change * (-learning_rate * (network_share if is_network else 1.0))

    return optax.chain(
        optax.scale_by_adam(b2=b2),
        optax.clip(1.0) if clips_updates else optax.identity(),
        optax.add_decayed_weights(weight_decay, mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim >= 2, params)),
        optax.stateless(lambda updates, _: jax.tree_util.tree_map_with_path(scaled, updates)),
    )
