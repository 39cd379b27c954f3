"""Operations of a training step, and the rate of large products."""

import jax
import pytest

from engine.frozen_config import with_overrides
from tests.doubles.small_run import small_config
from training.distillation.train_state import _labels
from training.studies.cores.network_costs import param_shapes
from training.studies.training_step import flop_rates
from training.studies.training_step.flop_rates import possible_flops_per_s, rate_line, step_flops


def test_all_products_of_a_step_count_and_those_of_the_optimiser_do_not_depend_on_the_batch() -> None:
    config = small_config()
    counts = [step_flops(with_overrides(config, (f"batch_size={size}",))) for size in (8, 16)]
    assert counts[0] < counts[1] < 2 * counts[0]
    with_adamw = step_flops(with_overrides(config, ("batch_size=8", "optimizer.name=adamw")))
    shapes = param_shapes(config.network)
    labels = jax.tree.leaves(_labels(shapes))
    matrices = [
        sorted(leaf.shape) for leaf, label in zip(jax.tree.leaves(shapes), labels, strict=True) if label == "matrix"
    ]
    # Muon, five times for each matrix X of m rows: A = X X', A A, and (b A + c A A) X.
    assert counts[0] - with_adamw == sum(5 * 2 * (2 * m * m * n + m**3) for m, n in matrices) > 0


def test_large_products_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flop_rates, "_SIZE_ON_CPU", 64)
    monkeypatch.setattr(flop_rates, "seconds_of", lambda run, _: run() or 2.0)
    assert possible_flops_per_s("float32", "wall") == 8 * 2 * 64**3 / 2.0


def test_a_rate_stands_beside_the_possible_one() -> None:
    line = rate_line("as trained", 3e12, 2.0, 6e12, "wall")
    assert line == (
        "as trained: 3,000.0 GFLOP of products a step, 1,500.0 GFLOP/s, 25% of the 6,000.0 that large products reach"
    )
    assert "1,500.0 GFLOP per processor second" in rate_line("as trained", 3e12, 2.0, 6e12, "cpu")
