"""Loads the weights that a run starts from, also from a smaller network, and a latent model beside them.

A small network's weights become the start of a larger one that computes the same (Chen et al. 2016, "Net2Net"). What a
new channel would write is zero at first and what reads it is random, so the outputs stay what they were while every
new weight gets a gradient. The norms divide by a mean over more channels, which their scales make up for. Only whole
blocks that are added change the outputs: each adds the injected board once more.
"""

from pathlib import Path
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import traverse_util

from engine.checkpoint import is_network_folder, load_network
from engine.network.network_config import NetworkConfig
from training.distillation.trained_network import network_config, network_weights

# The kernels and tables whose last axis is a stream that others add to or compare.
_WRITERS = {
    "embedding",
    "square_embedding",
    "square_features",
    "occupant",
    "output",
    "seen",
    "mapped",
    "key",
    "by_offset",
    "by_attack",
}
# How many equal parts, side by side, the last axis of a kernel has.
_PARTS = {"query_key_value": 3, "token_key_value": 2}


class StartingModel(NamedTuple):
    """The latent model to start from, or None."""

    params: chex.ArrayTree | None
    text: str  # one line about the start of the model


def starting_weights(folder: Path, config: NetworkConfig, like: chex.ArrayTree) -> chex.ArrayTree:
    """Returns weights to start from, in training form.

    Args:
      folder: as of `network_weights`.
      config: of the network that is to be trained, which may be larger.
      like: its initial weights.

    Raises:
      ValueError: the folder is neither, or its network is larger or of another kind, or has other widths of a head.
    """
    params, found = network_weights(folder), _head_widths(network_config(folder))
    # Weights for other heads have the same shapes; they would compute something else unnoticed.
    if found != _head_widths(config):
        raise ValueError(
            f"expected heads as wide as those of {folder}, {found[0]} channels in attention and {found[1]} in the "
            f"policy, got {_head_widths(config)[0]} and {_head_widths(config)[1]}: a wider network has more heads"
        )
    try:
        return grown_weights(params, like)
    except ValueError as error:
        raise ValueError(f"expected weights of a network no larger to start from, got {folder}: {error}") from None


def grown_weights(small: chex.ArrayTree, fresh: chex.ArrayTree) -> chex.ArrayTree:
    """Returns weights of a larger network that computes the same as a smaller one.

    Args:
      small: weights of a network in training form.
      fresh: initial weights of one that is as wide or wider in every part but the value head, which stays, with the
        same width of an attention head, and has as many blocks or more.

    Returns:
      Weights of the shapes of `fresh`.

    Raises:
      ValueError: `small` is larger somewhere, or of another kind.
    """
    old, new = (traverse_util.flatten_dict(tree) for tree in (small, fresh))
    if not old.keys() <= new.keys():
        raise ValueError(f"expected parts of the larger network, got also: {sorted(old.keys() - new.keys())[0]}")
    grown = {path: _grown(path, old.get(path), leaf) for path, leaf in new.items()}
    return traverse_util.unflatten_dict(grown)


def _grown(path: tuple[str, ...], old: jax.Array | None, fresh: jax.Array) -> jax.Array:
    owner = next(name for name in reversed(path) if name not in ("kernel", "weight", "scale", "bias"))
    start = jnp.zeros_like(fresh) if owner in _WRITERS and fresh.ndim == 2 else fresh
    if old is None or old.shape == fresh.shape:
        return start if old is None else old
    may_widen = path[0] != "value" or old.shape[-1] == fresh.shape[-1]  # new units would change its norm
    if (
        old.ndim != fresh.ndim
        or not may_widen
        or any(less > more for less, more in zip(old.shape, fresh.shape, strict=True))
    ):
        raise ValueError(f"expected weights that fit {list(fresh.shape)} in {'/'.join(path)}, got {list(old.shape)}")
    ratio = (fresh.shape[-1] / old.shape[-1]) ** 0.5
    if path[-1] == "scale":
        return jnp.full_like(fresh, jnp.mean(old) / ratio).at[: len(old)].set(old / ratio)
    if owner == "query":  # its products with the keys are divided by the root of their width
        old = old * ratio
    parts = _PARTS.get(owner, 1)
    pairs = zip(jnp.split(old, parts, axis=-1), jnp.split(start, parts, axis=-1), strict=True)
    return jnp.concatenate([_filled(part, larger) for part, larger in pairs], axis=-1)


def _filled(old: jax.Array, larger: jax.Array) -> jax.Array:
    return larger.at[tuple(slice(size) for size in old.shape)].set(old)


def starting_model(folder: Path, like: chex.ArrayTree) -> StartingModel:
    """Returns the latent model beside a network, unless its shape differs from the one wanted.

    Args:
      folder: as of `network_weights`; a run has no model to give.
      like: the initial weights of the model that is to be trained.

    Raises:
      ValueError: the folder claims to hold a network, and cannot be read.
    """
    model = load_network(folder).model if is_network_folder(folder) else None
    if model is None:
        return StartingModel(None, f"{folder} has no latent model, so this one begins from nothing")
    found, wanted = (_shapes(tree) for tree in (model.params, like))
    differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if differing:
        name = differing[0]
        return StartingModel(
            None,
            f"the latent model of {folder} has another shape, {found.get(name)} and not {wanted.get(name)} in {name}, "
            "so this one begins from nothing",
        )
    return StartingModel(model.params, f"the latent model of {folder} is learned further")


def _head_widths(config: NetworkConfig) -> tuple[int, int]:
    return config.width // config.heads, config.policy_width // config.policy_heads


def _shapes(tree: chex.ArrayTree) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape) for path, leaf in leaves}
