"""AdamW whose normalised update is clipped elementwise to +-1 before the learning rate (Hessel et al. 2021, appendix).

It is the update that is clipped and not the gradient: one surprising batch moves no weight by more than the learning
rate.
"""

import jax
import optax


def clipped_adam(
    learning_rate: float, weight_decay: float, clips_updates: bool, b2: float = 0.999
) -> optax.GradientTransformation:
    """Returns the optimiser at its peak learning rate.

    Args:
      learning_rate: peak.
      weight_decay: decoupled, of matrices.
      clips_updates: whether to clip.
      b2: decay of the second moment.
    """
    return optax.chain(
        optax.scale_by_adam(b2=b2),
        optax.clip(1.0) if clips_updates else optax.identity(),
        optax.add_decayed_weights(weight_decay, mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim >= 2, params)),
        optax.scale(-learning_rate),
    )
