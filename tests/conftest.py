"""Sets strict options for every test, as environment variables because jax reads them on import.

Tests that never import jax pay nothing for them.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator

os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
# Tests run a program a few times only, so compiling costs more than running. Together these two make compiling three to
# five times as fast; each alone gains little.
QUICK_COMPILES = ("--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join([*QUICK_COMPILES, os.environ.get("XLA_FLAGS", "")])
# All processes of one test run share what they compile, which is most of their time. The folder is new for every run,
# so that no program of an older tree can make a test pass.
IS_FIRST_PROCESS = "PYTEST_XDIST_WORKER" not in os.environ
if IS_FIRST_PROCESS:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="recursezero-tests-")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# The same examples on every run; no deadline, because the first example compiles. Hypothesis also draws constants from
# the modules that a worker happens to have imported, so whether drawn text is large differs from run to run.
settings.register_profile("fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
settings.load_profile("fixed")


def pytest_unconfigure() -> None:
    """Deletes the compiled programs after the last test."""
    if IS_FIRST_PROCESS:
        shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True)
def independent_tests() -> Iterator[None]:
    """Seeds the global generators and restores the environment, so that a test's result does not depend on others."""
    random.seed(0)
    np.random.seed(0)
    # `limit_threads` sets NPROC for good: processes that later tests start would then add in another order.
    before = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update(before)
