"""Muon (Jordan 2024) with one orthogonalisation for all matrices of a shape.

Optax orthogonalises matrix by matrix, each by fifteen small products in a row. Stacked they are products of batches, a
fraction of the launches on a GPU and better filled on any device.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax


def scale_by_stacked_muon() -> optax.GradientTransformation:
    """Returns `optax.contrib.scale_by_muon` for matrices in the last two axes; one axis before them is independent.

    Its state is the one of Optax, so that runs can go on with either.
    """
    muon = optax.contrib.scale_by_muon(weight_dimension_numbers=_rows_and_columns)

    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        updates, after = muon.update(_stacked(gradient), state._replace(mu=_stacked(state.mu)), params)
        return _unstacked(updates, gradient), after._replace(mu=_unstacked(after.mu, gradient))

    return optax.GradientTransformation(muon.init, update)


def _rows_and_columns(params: chex.ArrayTree) -> chex.ArrayTree:
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(-2, -1), params)


def _shape(leaf: jax.Array) -> tuple[int, int]:
    """Returns the shape in which a matrix is stacked: lying, since Optax turns a standing one as well."""
    rows, columns = leaf.shape[-2:]
    return min(rows, columns), max(rows, columns)


def _stacked(tree: chex.ArrayTree) -> dict[str, jax.Array]:
    """Returns the matrices of each shape, `[matrices, rows, columns]`, by a name of the shape."""
    by_shape: dict[str, list[jax.Array]] = {}
    for leaf in jax.tree.leaves(tree):
        lying = leaf if leaf.shape[-2] <= leaf.shape[-1] else leaf.mT
        by_shape.setdefault(str(_shape(leaf)), []).append(lying.reshape(-1, *lying.shape[-2:]))
    return {shape: jnp.concatenate(stack) for shape, stack in by_shape.items()}


def _unstacked(stacks: dict[str, jax.Array], like: chex.ArrayTree) -> chex.ArrayTree:
    """Returns the matrices in the tree that `_stacked` took them from."""
    taken = dict.fromkeys(stacks, 0)

    def take(leaf: jax.Array) -> jax.Array:
        shape, count = str(_shape(leaf)), leaf.size // (leaf.shape[-2] * leaf.shape[-1])
        lying = stacks[shape][taken[shape] : taken[shape] + count]
        taken[shape] += count
        return (lying if leaf.shape[-2] <= leaf.shape[-1] else lying.mT).reshape(leaf.shape)

    return jax.tree.map(take, like)
