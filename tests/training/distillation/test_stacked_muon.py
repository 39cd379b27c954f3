"""Muon on stacks of matrices against Optax's, matrix by matrix."""

import re
from typing import Any

import chex
import jax
import numpy as np
import optax

from training.distillation.stacked_muon import scale_by_stacked_muon


def trees() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    shapes = {"a": (16, 24), "b": (24, 16), "c": (16, 24), "d": (3, 24, 16), "e": (20, 20), "f": (3, 16, 24)}
    return [{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(3)]


def plain_muon() -> optax.GradientTransformation:
    def rows_and_columns(params: Any) -> Any:
        return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(-2, -1), params)

    return optax.contrib.scale_by_muon(weight_dimension_numbers=rows_and_columns)


def test_steps_and_states_are_those_of_optax() -> None:
    ours, theirs = scale_by_stacked_muon(), plain_muon()
    state, their_state = ours.init(trees()[0]), theirs.init(trees()[0])
    our_update, their_update = jax.jit(ours.update), jax.jit(theirs.update)
    for gradient in trees():
        updates, state = our_update(gradient, state)
        their_updates, their_state = their_update(gradient, their_state)
        chex.assert_trees_all_equal_structs(state, their_state)
        # Products of a batch may add in another order.
        for one, other in zip(*map(jax.tree.leaves, ((updates, state), (their_updates, their_state))), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)


def test_matrices_of_one_shape_share_their_products() -> None:
    def products(muon: optax.GradientTransformation) -> int:
        compiled = jax.jit(muon.update).lower(trees()[0], muon.init(trees()[0])).compile()
        return len(re.findall(r" (?:dot|custom-call)\(", str(compiled.as_text())))

    # Five iterations of three products, for two shapes instead of six arrays.
    assert products(scale_by_stacked_muon()) == 30 and products(plain_muon()) == 90
