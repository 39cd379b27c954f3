"""How many threads XLA's CPU backend computes with."""

import os


def limit_threads(threads: int) -> None:
    """Sets the size of XLA's CPU thread pools; works only before JAX makes its backend.

    XLA reads the environment variable NPROC once, when the backend is created
    (`DefaultThreadPoolSize` of its CPU client); the pools cannot be resized afterwards.

    Args:
      threads: at least 1.
    """
    os.environ["NPROC"] = str(threads)
