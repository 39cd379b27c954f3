"""Chooses what computes the network, the processor or an accelerator, and bounds what is compiled for it."""

import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the table of options needs the names before anything heavy is imported
    import jax

# auto: what JAX prefers, an accelerator if there is one that it can use.
Backend = Literal["auto", "cpu", "gpu"]
# The most iterations that can be asked for: the bound of the compiled programs, which are one for every limit below.
MOST_STEPS = 64


class BackendError(ValueError):
    """Reports that no device of the kind asked for can be used; the text is one line."""


def usable_processors() -> int:
    """Returns how many processors this process may use, or the number of all where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Sets the size of XLA's CPU thread pools; works only before JAX makes its backend.

    XLA reads the environment variable NPROC once, when the backend is created
    (`DefaultThreadPoolSize` of its CPU client); the pools cannot be resized afterwards.

    Args:
      threads: at least 1.
    """
    os.environ["NPROC"] = str(threads)


def device_of(backend: Backend) -> "jax.Device":
    """Returns the first device of a backend.

    If `cpu` is the first one that a process asks for, JAX is kept from using accelerators at all, whose memory it
    would take; `gpu` then needs a new process. If JAX_PLATFORMS names no device that is there, `auto` takes one that
    is, and says so on standard error.

    Raises:
      BackendError: there is none.
    """
    import jax

    if backend == "cpu":
        jax.config.update("jax_platforms", "cpu")
    try:
        return jax.devices(None if backend == "auto" else backend)[0]
    except (RuntimeError, AssertionError) as error:  # JAX asserts where a platform's plug-in is not installed
        named = jax.config.values["jax_platforms"]
        if backend == "auto" and named:
            return _device_instead_of(named)
        raise BackendError(
            f"expected a {backend} that JAX can use for Backend, got none (allowed: auto, cpu, gpu; from cpu to gpu "
            "the engine must be started again)"
        ) from error


def _device_instead_of(named: str) -> "jax.Device":
    """Returns the first device of the platforms named that exists, or else of any; says so on standard error.

    Args:
      named: platforms, separated by commas, not all of which can be used.
    """
    import jax

    for platform in (*named.split(","), None):
        jax.config.update("jax_platforms", platform)
        try:
            device = jax.devices()[0]
        except (RuntimeError, AssertionError):
            continue
        message = f"expected devices that are there for JAX_PLATFORMS, got {named!r}; {device.platform} is used instead"
        print(message, file=sys.stderr)
        return device
    raise BackendError(f"expected devices that are there for JAX_PLATFORMS, got {named!r} (allowed: cpu)")
