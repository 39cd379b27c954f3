"""Chooses what computes the network, the processor or an accelerator, and bounds what is compiled for it."""

import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the table of options needs the names before anything heavy is imported
    import jax

# auto: what JAX prefers, an accelerator if there is one that it can use.
Backend = Literal["auto", "cpu", "gpu"]
# The most iterations that can be asked for: the bound of the compiled programs, which are one for every limit below.
MOST_STEPS = 64


class BackendError(ValueError):
    """No device of the kind asked for can be used; the text is one line."""


def device_of(backend: Backend) -> "jax.Device":
    """Returns the first device of a backend.

    If `cpu` is the first one that a process asks for, JAX is kept from using accelerators at all, whose memory it
    would take; `gpu` then needs a new process.

    Raises:
      BackendError: there is none.
    """
    import jax

    if backend == "cpu":
        jax.config.update("jax_platforms", "cpu")
    try:
        return jax.devices(None if backend == "auto" else backend)[0]
    except RuntimeError as error:
        raise BackendError(
            f"expected a {backend} that JAX can use for Backend, got none (allowed: auto, cpu, gpu; from cpu to gpu "
            "the engine must be started again)"
        ) from error


def limit_threads(threads: int) -> None:
    """Sets the size of XLA's CPU thread pools; works only before JAX makes its backend.

    XLA reads the environment variable NPROC once, when the backend is created
    (`DefaultThreadPoolSize` of its CPU client); the pools cannot be resized afterwards.

    Args:
      threads: at least 1.
    """
    os.environ["NPROC"] = str(threads)
