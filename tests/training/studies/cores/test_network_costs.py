"""Operations counted by hand, in loops, branches and gradients."""

from typing import Any

import jax
import jax.numpy as jnp

from training.studies.cores.network_costs import count_flops

A, B = jnp.ones((3, 4)), jnp.ones((4, 5))
PRODUCT = 2 * 3 * 4 * 5


def test_a_product_and_its_gradient() -> None:
    assert count_flops(lambda a, b: a @ b + 1.0, A, B, while_trips=1) == PRODUCT
    # To each operand one product as large as the first; the value itself is computed, too.
    assert (
        count_flops(jax.grad(lambda a, b: jnp.sum(jnp.sin(a @ b)), argnums=(0, 1)), A, B, while_trips=1) == 3 * PRODUCT
    )
    assert count_flops(lambda a: jnp.einsum("bij,bkj->bik", a, a), jnp.ones((2, 3, 4)), while_trips=1) == 2 * 2 * 9 * 4


def test_loops_count_as_often_as_they_run() -> None:
    def scanned(a: Any, b: Any) -> Any:
        return jax.lax.scan(lambda carry, _: (carry + jnp.sum(a @ b), None), jnp.float32(0), length=7)[0]

    def repeated(a: Any, b: Any) -> Any:
        return jax.lax.while_loop(lambda total: total < 9.0, lambda total: total + jnp.sum(a @ b), jnp.float32(0))

    assert count_flops(scanned, A, B, while_trips=1) == 7 * PRODUCT
    assert count_flops(jax.jit(repeated), A, B, while_trips=11) == 11 * PRODUCT


def test_of_branches_the_dearest_counts() -> None:
    def either(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.cond(a[0, 0] > 0, lambda: a @ b, lambda: jnp.zeros((3, 5)))

    assert count_flops(either, A, B, while_trips=1) == PRODUCT


def test_checkpoints_count_what_is_computed_again() -> None:
    def twice(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.sum(jax.checkpoint(lambda a: jnp.sin(jnp.sin(a @ b) @ b.T) @ b)(a))

    plain = count_flops(jax.grad(lambda a, b: jnp.sum(jnp.sin(jnp.sin(a @ b) @ b.T) @ b)), A, B, while_trips=1)
    assert count_flops(jax.grad(twice), A, B, while_trips=1) > plain
