"""Which term of Muesli's loss teaches which part of the recursive network and of its latent model."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import CELLS
from tests.doubles.muesli_batches import random_batch
from tests.doubles.tiny_network import positions, stirred, tiny_config
from training.muesli.agent import Problem
from training.muesli.muesli_config import MuesliConfig
from training.muesli.muesli_loss import muesli_loss
from training.self_play.chess_agent import ChessAgent

LENGTH, PAST = 4, 1
TERMS = ("policy_gradient", "cmpo", "anchor", "value", "model_policy", "model_value", "reward", "past_value")


def loudest_entries(model_gradient: float) -> dict[str, dict[str, float]]:
    """Returns the largest entry of each term's gradient with respect to each parameter, by their names."""
    agent = ChessAgent(tiny_config(), PAST, "float32", model_gradient)
    problem = Problem(agent, MuesliConfig(unroll_steps=2), CELLS, CELLS)
    params = stirred(jax.eval_shape(agent.init, jax.random.key(0)), 3)
    batch, _ = random_batch(5, jnp.asarray(positions(LENGTH))[None], CELLS, PAST, legal_share=0.01)
    batch = batch._replace(anchor_log_policy=jnp.log(jnp.maximum(batch.targets.policy[..., ::-1], 1e-30)))

    def terms(params: Any) -> jax.Array:
        _, metrics = muesli_loss(problem, params, batch)
        return jnp.stack([metrics[f"{name}_loss"] for name in TERMS])

    gradients = jax.jit(jax.jacrev(terms))(params)
    found: dict[str, dict[str, float]] = {name: {} for name in TERMS}
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        for name, gradient in zip(TERMS, np.asarray(leaf), strict=True):
            found[name]["/".join(part.key for part in path)] = float(np.abs(gradient).max())
    return found


@pytest.fixture(scope="module")
def loudest() -> dict[str, dict[str, float]]:
    return loudest_entries(1.0)


def under(gradient: dict[str, float], *prefixes: str) -> set[float]:
    return {loudness for name, loudness in gradient.items() if name.startswith(prefixes)}


TRUNK = tuple(f"network/{part}" for part in ("core", "embedding", "norm_embedding", "relations", "square_embedding"))
STEP = tuple(f"model/{part}" for part in ("attention", "embedding", "feed_forward", "move_embedding", "norm", "square"))
HEADS = {
    "policy_gradient": ("network/policy",),
    "cmpo": ("network/policy",),
    "anchor": ("network/policy",),
    "value": ("network/value/bins", "network/value/hidden", "network/value/norm", "network/value/token"),
    "model_policy": ("model/query", "model/key", "model/under_promotion"),
    "model_value": ("model/value",),
    "past_value": ("model/value",),
    "reward": ("model/reward",),
}


@pytest.mark.parametrize("term", TERMS)
def test_a_term_teaches_its_head_and_what_the_head_reads_and_nothing_else(
    term: str, loudest: dict[str, dict[str, float]]
) -> None:
    is_of_model = HEADS[term][0].startswith("model")
    heard = (*HEADS[term], *TRUNK, *(STEP if is_of_model else ()))
    assert min(under(loudest[term], *heard)) > 1e-7
    others = {loudness for name, loudness in loudest[term].items() if not name.startswith(heard)}
    assert others == {0.0}


def test_a_model_whose_gradient_is_stopped_learns_as_much_and_leaves_the_network_alone(
    loudest: dict[str, dict[str, float]],
) -> None:
    stopped = loudest_entries(0.0)
    for term in TERMS:
        is_of_model = HEADS[term][0].startswith("model")
        for name, loudness in loudest[term].items():
            expected = 0.0 if is_of_model and name.startswith("network/") else loudness
            assert stopped[term][name] == pytest.approx(expected, rel=1e-3, abs=1e-9), (term, name)


def test_only_win_draw_and_loss_are_left_to_distillation(loudest: dict[str, dict[str, float]]) -> None:
    silent = {name for name in loudest["value"] if not any(loudest[term][name] for term in TERMS)}
    assert silent == {"network/value/win_draw_loss/bias", "network/value/win_draw_loss/kernel"}
