"""Which number formats a device computes the network's products in."""

from typing import Any

_FIRST_WITH_BFLOAT16 = 8.0  # compute capability of NVIDIA's Ampere; Turing (7.5) has units for float16 only


def product_arithmetic(choice: str, device: Any) -> str:
    """Returns `bfloat16` or `float32`.

    Sums are float32 in both. float16 is left out: its gradients overflow without a loss scale, and float32 is exact.

    Args:
      choice: one of them, or `auto` for what suits the device.
      device: a `jax.Device`, or anything with its `platform` and `compute_capability`.
    """
    if choice != "auto":
        return choice
    if device.platform == "tpu":
        return "bfloat16"
    if device.platform in ("gpu", "cuda"):
        capability = getattr(device, "compute_capability", "0")
        return "bfloat16" if float(capability) >= _FIRST_WITH_BFLOAT16 else "float32"
    # Some CPUs emulate bfloat16, and JAX does not say which.
    return "float32"
