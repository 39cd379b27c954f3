"""Random generators for self-play, and threefry without 64-bit numbers.

JAX's threefry counts in 64-bit integers while it computes, which some accelerators do not have. The one here counts in
32 bits and gives the same bits for every array of fewer than 2 ** 32 of them. `rbg` and `unsafe_rbg` use the generator
of the device, which XLA describes with 64-bit words.
"""

import functools
from collections.abc import Hashable
from typing import Literal

import jax
import jax.numpy as jnp
from jax.extend import random as extension

Generator = Literal["threefry2x32", "rbg", "unsafe_rbg"]
_UNSIGNED = {8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}


def generator(name: Generator) -> Hashable:
    """Returns the `impl` for `jax.random.key` and `jax.random.wrap_key_data`."""
    return _narrow_threefry() if name == "threefry2x32" else name


@functools.cache
def _narrow_threefry() -> Hashable:
    # One object for all: programs are compiled anew for another one.
    return extension.define_prng_impl(
        key_shape=(2,),
        seed=extension.threefry_prng_impl.seed,
        split=_split,
        random_bits=_random_bits,
        fold_in=extension.threefry_prng_impl.fold_in,
        name="threefry2x32_in_32_bits",
        tag="fry32",
    )


def _split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns keys uint32 `[*shape, 2]`."""
    return jnp.stack(_hashed_counts(key, shape), axis=-1)


def _random_bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    """Returns unsigned integers of 8, 16 or 32 bits."""
    high, low = _hashed_counts(key, shape)
    return (high ^ low).astype(_UNSIGNED[bit_width])


def _hashed_counts(key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Returns two words for each place of an array, a function of the key and the place alone."""
    place, stride = jnp.zeros(shape, jnp.uint32), 1
    for axis in reversed(range(len(shape))):
        place += jax.lax.broadcasted_iota(jnp.uint32, shape, axis) * jnp.uint32(stride)
        stride *= shape[axis]
    high, low = extension.threefry2x32_p.bind(key[0], key[1], jnp.zeros_like(place), place)
    return high, low
