"""Strict settings for every test; they are environment variables because jax reads them on import.

Tests that never import jax pay nothing for them.
"""

import os
import random

os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
# A stale compiled program must not be able to make a test pass.
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# The same examples on every run; no deadline, because the first example compiles. Hypothesis also draws constants from
# the modules that a worker happens to have imported, so whether drawn text is large differs from run to run.
settings.register_profile("fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Seeds the global generators, so that a test's result does not depend on its neighbours."""
    random.seed(0)
    np.random.seed(0)
