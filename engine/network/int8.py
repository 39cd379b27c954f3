"""Multiplies in int8: projections are trained through AQT, converted once, and served without it.

Both sides of a product are rounded symmetrically to -127..127: the kernel with one scale an output channel, the
activations with one scale a row, computed on the fly. AQT's int8 divides by 127.5 (`config_v4`, preserve_max_val off);
serving does the same, so training, converted and served outputs are equal bit for bit.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp

from engine.network.products import BFLOAT16, FLOAT32, Kernel, Product, float_kernel, product_gradients

_BOUND = 127.5
_SERVED_KEYS = {"values", "scale"}
_CONTRACT_LAST = (((1,), (0,)), ((), ()))


def _aqt_dot_general() -> Any:
    # Imported here: only training needs AQT. Made anew each time: its quantisers calibrate once.
    from aqt.jax.v2 import config as aqt_config

    return aqt_config.config_v4(fwd_bits=8, dlhs_bits=None, drhs_bits=None)


@jax.custom_vjp
def trained_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `x @ kernel` as int8 would compute it, from float operands.

    The gradient passes straight through the rounding (Bengio et al. 2013), in the arithmetic of `product_gradients`:
    AQT's own backward pass would use float32 for both.

    Args:
      x: float32 `[..., in]`.
      kernel: float32 `[in, out]`.

    Returns:
      float32 `[..., out]`.
    """
    rows = _aqt_dot_general()(x.reshape(-1, x.shape[-1]), kernel, _CONTRACT_LAST)
    return rows.reshape(*x.shape[:-1], kernel.shape[-1])


def _trained_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return trained_product(x, kernel), (x, kernel)


trained_product.defvjp(_trained_forward, product_gradients)


def served_product(x: jax.Array, kernel: Kernel) -> jax.Array:
    """Returns `x @ kernel` from an int8 kernel, int8 times int8 into int32.

    Args:
      x: float32 `[..., in]`.
      kernel: `values` int8 `[in, out]` and `scale` float32 `[1, out]`.

    Returns:
      float32 `[..., out]`.
    """
    chex.assert_type([kernel["values"], kernel["scale"]], [jnp.int8, jnp.float32])
    rows = x.reshape(-1, x.shape[-1])
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    scale = jnp.where(largest == 0, 1.0, largest / _BOUND)
    # Ties to even, as AQT rounds.
    rounded = jnp.clip(jnp.round(rows / scale), -127, 127).astype(jnp.int8)
    total = jax.lax.dot_general(rounded, kernel["values"], _CONTRACT_LAST, preferred_element_type=jnp.int32)
    product = total.astype(jnp.float32) * scale * kernel["scale"]
    return product.reshape(*x.shape[:-1], product.shape[-1])


def quantise_kernel(kernel: jax.Array) -> Kernel:
    """Converts a float kernel with AQT's quantiser.

    Args:
      kernel: float32 `[in, out]`, or `[K, in, out]` for a kernel of each iteration's own.

    Returns:
      `values` int8 `[in, out]` and `scale` float32 `[1, out]`, with K before them if the kernel has it.
    """
    chex.assert_rank(kernel, {2, 3})
    if kernel.ndim == 3:
        each = [quantise_kernel(one) for one in kernel]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    quantizer = _aqt_dot_general().fwd.dg_quantizer.rhs
    quantizer.init_calibration()
    blank = quantizer.calibrate(kernel, calibration_axes=[0])
    quantised, _ = quantizer.calculate_qvalue(kernel, blank)
    (scale,) = quantised.scale
    return {"values": quantised.qvalue.astype(jnp.int8), "scale": scale.astype(jnp.float32)}


def _served_kernel(_key: jax.Array, shape: tuple[int, int]) -> Kernel:
    """Returns a blank of the served form; only its shapes matter, values come from a checkpoint."""
    return {"values": jnp.zeros(shape, jnp.int8), "scale": jnp.ones((1, shape[1]), jnp.float32)}


TRAINED = Product(float_kernel, trained_product)
SERVED = Product(_served_kernel, served_product)

# Arithmetic of a network in training → product of its projections.
TRAINING_PRODUCTS = {"float32": FLOAT32, "bfloat16": BFLOAT16, "int8": TRAINED}
# ... in play. bfloat16 is for training only: one position is no faster with it, and not all processors have it.
SERVING_PRODUCTS = {"float32": FLOAT32, "bfloat16": FLOAT32, "int8": SERVED}


def convert(params: chex.ArrayTree, served_shapes: chex.ArrayTree) -> chex.ArrayTree:
    """Quantises the kernels that a served network holds as int8.

    Args:
      params: nested dict of a network in training form.
      served_shapes: nested dict of shapes of the same network with `SERVED` projections (`jax.eval_shape` of its init).

    Returns:
      Parameters of the served form; int8 kernels have no float copy.
    """
    if not isinstance(served_shapes, dict):
        return params
    if set(served_shapes) == _SERVED_KEYS:
        return quantise_kernel(params)
    return {name: convert(params[name], shape) for name, shape in served_shapes.items()}


def dequantise(params: chex.ArrayTree) -> chex.ArrayTree:
    """Turns serving parameters back into training form, the start of further training.

    Args:
      params: nested dict in serving form.

    Returns:
      Parameters of the training form; kernels that were int8 are their rounded values.
    """
    if not isinstance(params, dict):
        return params
    if set(params) == _SERVED_KEYS:
        return params["values"].astype(jnp.float32) * params["scale"]
    return {name: dequantise(value) for name, value in params.items()}
