"""The device that computes: the one asked for, or one that is there."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from engine.player.backend import BackendError, device_of

ROOT = Path(__file__).resolve().parents[3]
_REPORT = "from engine.player.backend import device_of; print(device_of('auto').platform)"


def test_a_backend_that_is_not_there_is_refused_with_one_line() -> None:
    assert device_of("auto") == jax.devices()[0]
    try:
        jax.devices("gpu")
    except RuntimeError:
        with pytest.raises(BackendError, match="^expected a gpu that JAX can use for Backend, got none [^\n]*$"):
            device_of("gpu")


@pytest.mark.parametrize("named", ["cuda", "tpu,cpu", "abacus"])
def test_platforms_that_are_not_there_are_replaced_with_one_line(named: str) -> None:
    environment = {**os.environ, "JAX_PLATFORMS": named, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", _REPORT], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "cpu\n"
    (line,) = done.stderr.splitlines()
    assert line == f"expected devices that are there for JAX_PLATFORMS, got {named!r}; cpu is used instead"
