"""The yardstick of training speed computes what the network and the learner compute."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.fixed_point import Gradient, ImplicitGradient, PhantomGradient, SolverConfig, UnrolledGradient
from engine.network.cores.core_configs import DeqConfig
from engine.network.model import evaluate
from tests.doubles.small_run import device_batch, pack, small_config
from tests.doubles.tiny_network import param_shapes, positions, stirred, tiny_deq, training_network
from training.distillation.learner import make_state, make_update
from training.packed.shards import Shards
from training.runs.device_mesh import one_device_mesh
from training.studies.training_step.plain_step import applications, make_plain_update, plain_network

CONFIG = small_config()


@pytest.fixture(autouse=True)
def ranks_may_differ() -> Iterator[None]:
    """Lets the yardstick broadcast, as plain code does."""
    with jax.numpy_rank_promotion("allow"):
        yield


def unrolled(**changes: Any) -> Any:
    return dataclasses.replace(CONFIG.network, core=tiny_deq(gradient=UnrolledGradient(steps=2)), **changes)


VARIANTS = [
    {},
    pytest.param({"tokens": "squares", "gate": "dense"}, marks=pytest.mark.slow),
    pytest.param({"gate": "none", "blocks": 2}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("changes", VARIANTS)
def test_the_plain_network_is_the_network(changes: dict[str, Any]) -> None:
    config = unrolled(**changes)
    network = training_network(config)
    params, position = stirred(param_shapes(network)), jnp.asarray(positions(6))

    def both(params: Any) -> Any:
        output = evaluate(network, params, position)
        plain = plain_network(params, position, config, config.tokens == "squares")
        return (output.policy_logits, output.wdl_logits, output.score_logits), plain

    theirs, plain = jax.jit(both)(params)
    for one, other in zip(theirs, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


@pytest.mark.slow
def test_the_plain_step_is_the_step(tmp_path: Any) -> None:
    config = dataclasses.replace(CONFIG, network=unrolled(), sources=())
    folder = pack("all", "labels-all.tsv", tmp_path / "all")
    batch = device_batch(Shards(folder / "train"), 8)
    state = make_state(config)
    after_plain, loss = make_plain_update(config)(state, batch)
    after, metrics = make_update(config, one_device_mesh())(state, batch)  # takes the state's buffers, so it comes last
    parameters = (after_plain.params, after.params)
    assert float(loss) == pytest.approx(float(metrics["loss"]), rel=1e-5)
    # The optimiser's first step has the size of the rate however small a gradient is, so rounding turns a few around.
    differ = [jnp.abs(one - other) > 2e-5 for one, other in zip(*map(jax.tree.leaves, parameters), strict=True)]
    assert np.concatenate([np.ravel(leaf) for leaf in differ]).mean() < 0.02


def test_f_is_applied_as_often_as_in_training() -> None:
    gradients: dict[Gradient, int] = {
        UnrolledGradient(steps=3): 3,
        PhantomGradient(steps=3): 2 + 3,
        ImplicitGradient(): 2,
    }
    for gradient, expected in gradients.items():
        core = DeqConfig(solver=SolverConfig(max_steps=2), gradient=gradient)
        assert applications(dataclasses.replace(CONFIG.network, core=core)) == expected
