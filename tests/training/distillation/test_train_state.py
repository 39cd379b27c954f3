"""The optimisers: AdamW against its equations, what is decayed, clipped and given to Muon."""

import dataclasses
from typing import Any

import jax
import numpy as np
import optax

from tests.doubles.tiny_network import param_shapes, stirred, tiny_config, training_network
from training.distillation.distillation_config import OptimizerConfig
from training.distillation.train_state import _labels, make_optimizer

ADAMW = OptimizerConfig(name="adamw", learning_rate=0.01, weight_decay=0.1, clip_norm=1.0)


def small_params() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "core": {
            "kernel": rng.normal(size=(16, 24)).astype(np.float32),
            "bias": rng.normal(size=24).astype(np.float32),
        },
        "value": {"kernel": rng.normal(size=(16, 16)).astype(np.float32)},
    }


def gradients(seed: int, size: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: (size * rng.normal(size=leaf.shape)).astype(np.float32), small_params())


def slow_adamw(params: Any, history: list[Any], config: OptimizerConfig) -> Any:
    """Loshchilov & Hutter 2019, algorithm 2, with decay of matrices only and clipped gradients."""
    leaves, structure = jax.tree.flatten(params)
    leaves = [leaf.astype(float) for leaf in leaves]
    first, second = [0 * leaf for leaf in leaves], [0 * leaf for leaf in leaves]
    for t, gradient in enumerate(history, start=1):
        flat = [leaf.astype(float) for leaf in jax.tree.leaves(gradient)]
        norm = np.sqrt(sum(np.sum(leaf**2) for leaf in flat))
        flat = [leaf * min(1.0, config.clip_norm / norm) for leaf in flat]
        for i, g in enumerate(flat):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.98 * second[i] + 0.02 * g**2
            step = first[i] / (1 - 0.9**t) / (np.sqrt(second[i] / (1 - 0.98**t)) + 1e-8)
            decay = config.weight_decay * leaves[i] if leaves[i].ndim >= 2 else 0.0
            leaves[i] = leaves[i] - config.learning_rate * (step + decay)
    return jax.tree.unflatten(structure, leaves)


def trained(params: Any, history: list[Any], config: OptimizerConfig) -> Any:
    optimizer = make_optimizer(config)
    state = optimizer.init(params)
    for gradient in history:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


def assert_close(first: Any, second: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), first, second)


def test_adamw_is_its_equations_for_small_and_clipped_gradients() -> None:
    history = [gradients(1, 0.001), gradients(2, 5.0), gradients(3, 0.1)]
    assert_close(trained(small_params(), history, ADAMW), slow_adamw(small_params(), history, ADAMW))


def test_only_matrices_are_decayed() -> None:
    zero = [jax.tree.map(np.zeros_like, small_params())]
    before, after = small_params(), trained(small_params(), zero, ADAMW)
    np.testing.assert_array_equal(after["core"]["bias"], before["core"]["bias"])
    np.testing.assert_allclose(after["value"]["kernel"], before["value"]["kernel"] * (1 - 0.01 * 0.1), rtol=1e-6)


def test_muon_takes_the_large_kernels_of_the_recursion_and_the_policy_head() -> None:
    labels = _labels(stirred(param_shapes(training_network(tiny_config(gate="dense")))))
    names = {
        jax.tree_util.keystr(path, simple=True, separator="/"): label
        for path, label in jax.tree_util.tree_leaves_with_path(labels)
    }
    matrices = {name for name, label in names.items() if label == "matrix"}
    assert {name.split("/")[0] for name in matrices} == {"core", "policy"}
    assert all(name.endswith("/kernel") for name in matrices)
    assert {"core/f/block_0/attention/query_key_value/kernel", "policy/query/kernel", "policy/key/kernel"} <= matrices
    others = set(names) - matrices
    assert {name for name in others if name.startswith("core") and name.endswith("kernel")} == set()
    # Three columns are no matrix worth orthogonalising.
    assert {name for name in others if name.startswith("policy") and name.endswith("kernel")} == {
        "policy/under_promotion/kernel"
    }


def test_muon_makes_orthogonal_steps_and_leaves_the_rest_to_adamw() -> None:
    muon = dataclasses.replace(ADAMW, name="muon", muon_learning_rate=0.5, weight_decay=0.0)
    adamw = dataclasses.replace(ADAMW, weight_decay=0.0)
    history = [gradients(1, 0.001)]
    before, after, reference = (
        small_params(),
        trained(small_params(), history, muon),
        slow_adamw(small_params(), history, adamw),
    )
    assert_close(after["value"], reference["value"])
    assert_close(after["core"]["bias"], reference["core"]["bias"])
    step = (before["core"]["kernel"] - after["core"]["kernel"]) / 0.5
    sizes = np.linalg.svd(step, compute_uv=False)
    # Five Newton-Schulz steps bring all singular values near 1, and the step goes down the gradient.
    assert np.all((0.5 < sizes) & (sizes < 1.5))
    assert np.sum(step * history[0]["core"]["kernel"]) > 0


def test_muons_matrices_are_decayed_at_muons_rate() -> None:
    muon = dataclasses.replace(ADAMW, name="muon", muon_learning_rate=0.5)
    zero = [jax.tree.map(np.zeros_like, small_params())]
    before, after = small_params(), trained(small_params(), zero, muon)
    np.testing.assert_allclose(after["core"]["kernel"], before["core"]["kernel"] * (1 - 0.5 * 0.1), rtol=1e-5)
    np.testing.assert_allclose(after["value"]["kernel"], before["value"]["kernel"] * (1 - 0.01 * 0.1), rtol=1e-6)


def own_params() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    kernel, scale = rng.normal(size=(3, 16, 24)).astype(np.float32), rng.normal(size=(3, 16)).astype(np.float32)
    return {"core": {"steps": {"own_projection": {"kernel": kernel}, "own_norm": {"scale": scale}}}}


def test_the_matrices_of_each_iteration_are_told_from_its_vectors() -> None:
    zero = [jax.tree.map(np.zeros_like, own_params())]
    before, after = own_params()["core"]["steps"], trained(own_params(), zero, ADAMW)["core"]["steps"]
    np.testing.assert_array_equal(after["own_norm"]["scale"], before["own_norm"]["scale"])
    expected = before["own_projection"]["kernel"] * (1 - 0.01 * 0.1)
    np.testing.assert_allclose(after["own_projection"]["kernel"], expected, rtol=1e-6)


def test_muon_makes_the_step_of_each_iteration_orthogonal() -> None:
    muon = dataclasses.replace(ADAMW, name="muon", muon_learning_rate=0.5, weight_decay=0.0)
    labels = _labels(own_params())["core"]["steps"]
    assert (labels["own_projection"]["kernel"], labels["own_norm"]["scale"]) == ("matrix", "other")
    rng = np.random.default_rng(3)
    gradient = jax.tree.map(lambda leaf: (0.001 * rng.normal(size=leaf.shape)).astype(np.float32), own_params())
    before, after = own_params(), trained(own_params(), [gradient], muon)
    steps = [tree["core"]["steps"]["own_projection"]["kernel"] for tree in (before, after)]
    sizes = np.linalg.svd((steps[0] - steps[1]) / 0.5, compute_uv=False)  # [3, 16]
    assert np.all((0.5 < sizes) & (sizes < 1.5))
