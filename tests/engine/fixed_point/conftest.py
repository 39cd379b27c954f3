"""Products as exact as the float32 that references assume, on accelerators too, which else round factors to 10 bits."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    """Asks for full float32 products."""
    with jax.default_matmul_precision("highest"):
        yield
