"""Threefry in 32-bit arithmetic against JAX's own."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training.self_play.random_generator import generator


def draws(key: jax.Array) -> list[Any]:
    keys = jax.random.split(key, (3, 2))
    return [
        jax.random.key_data(keys),
        jax.random.bits(keys[1, 1], (4, 5, 3)),
        jax.random.bits(keys[0, 1], (7,), "uint8"),
        jax.random.uniform(keys[2, 0], ()),
        jax.random.randint(jax.random.fold_in(key, 7), (6,), 0, 100, jnp.int32),
        jax.random.categorical(keys[0, 0], jnp.zeros((5, 9)), axis=-1),
        jax.vmap(lambda k: jax.random.normal(k, (2,)))(keys[:, 0]),
    ]


def test_it_gives_the_bits_of_threefry() -> None:
    def drawn(impl: Any) -> list[Any]:
        return jax.jit(lambda: draws(jax.random.key(5, impl=impl)))()

    jax.tree.map(np.testing.assert_array_equal, drawn(generator("threefry2x32")), drawn("threefry2x32"))


def test_it_computes_in_32_bits() -> None:
    def lowered(impl: Any) -> str:
        return jax.jit(lambda: draws(jax.random.key(5, impl=impl))).lower().as_text()

    wide = re.compile(r"tensor<(?:\w+x)*u?i64>")
    assert wide.findall(lowered(generator("threefry2x32"))) == []
    assert wide.findall(lowered("threefry2x32")) != []


def test_other_generators_are_the_devices() -> None:
    assert generator("rbg") == "rbg" and generator("unsafe_rbg") == "unsafe_rbg"
    assert generator("threefry2x32") is generator("threefry2x32")
