"""Optimisers of distillation, from optax, at their peak learning rate; `schedule.py` scales the updates."""

import chex
import jax
import optax

from training.distillation.distillation_config import OptimizerConfig


def make_optimizer(config: OptimizerConfig) -> optax.GradientTransformation:
    """Returns the optimiser: gradient clipping by global norm, then AdamW or Muon."""
    adamw = optax.adamw(
        config.learning_rate,
        b2=0.98,
        weight_decay=config.weight_decay,
        mask=lambda params: jax.tree_util.tree_map_with_path(lambda path, leaf: _rank(path, leaf) >= 2, params),
    )
    if config.name == "adamw":
        return optax.chain(optax.clip_by_global_norm(config.clip_norm), adamw)
    matrices = optax.chain(
        optax.contrib.scale_by_muon(weight_dimension_numbers=_rows_and_columns),
        optax.add_decayed_weights(config.weight_decay),
        optax.scale_by_learning_rate(config.muon_learning_rate),
    )
    either = optax.partition({"matrix": matrices, "other": adamw}, _labels)
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), either)


def _rows_and_columns(params: chex.ArrayTree) -> chex.ArrayTree:
    # The last two axes; one before them counts iterations whose matrices are independent.
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(-2, -1), params)


def _rank(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array) -> int:
    """Returns the rank of a parameter, without the axis of iterations that have their own."""
    return leaf.ndim - (len(path) > 1 and (path[0].key, path[1].key) == ("core", "steps"))


def _labels(params: chex.ArrayTree) -> chex.ArrayTree:
    """Labels the kernels inside the recursion and the policy head as matrices, everything else as other."""

    def label(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array) -> str:
        names = {key.key for key in path}
        is_matrix = _rank(path, leaf) == 2 and "kernel" in names and bool(names & {"core", "policy"})
        return "matrix" if is_matrix and min(leaf.shape[-2:]) >= 16 else "other"

    return jax.tree_util.tree_map_with_path(label, params)
