"""The recursive network under Muesli: it says what it says in play, and the program of a GPU's run fits its memory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.frozen_config import with_overrides
from engine.network.model import evaluate
from tests.doubles.tiny_network import positions, stirred, tiny_config, training_network
from tests.reference.program_text import transfers
from training.self_play.chess_agent import ChessAgent
from training.self_play.resident_program import make_game, make_program
from training.self_play.self_play_presets import self_play_preset

GIGABYTE = 10**9


def test_the_root_says_what_the_network_says() -> None:
    config = tiny_config()
    agent = ChessAgent(config, 1, "float32")
    params = stirred(jax.eval_shape(agent.init, jax.random.key(0)))
    position = jnp.asarray(positions(4))

    def both(params: Any) -> Any:
        return agent.root(params, position), evaluate(training_network(config), params["network"], position)

    root, output = jax.jit(both)(params)
    np.testing.assert_allclose(root.prediction.policy_logits, output.policy_logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(root.prediction.value_logits, output.score_logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(root.steps, output.stats.steps)
    assert root.latent.shape == (4, 64, 64) and root.prediction.past_value_logits.shape == (4, 1, 16)


def test_values_are_the_middles_of_the_bins_from_loss_to_win() -> None:
    support = ChessAgent(tiny_config(value_bins=4), 0, "float32").value_support
    np.testing.assert_allclose(support, [-0.75, -0.25, 0.25, 0.75])


def test_only_chess_has_the_recursive_network() -> None:
    config = with_overrides(self_play_preset("chess"), ["game=gardner_chess"])
    with pytest.raises(ValueError, match="expected no network for gardner_chess"):
        make_game(config)


@pytest.mark.slow
def test_a_run_of_chess_learns_without_leaving_the_device() -> None:
    config = with_overrides(
        self_play_preset("chess"), ["lanes=4", "steps=4", "updates=2", "replay_slots=2", "muesli.cmpo_samples=2"]
    )
    tiny = tiny_config()
    environment, _ = make_game(config)
    agent = ChessAgent(tiny, 0, "float32", config.model_gradient)
    program = make_program(config, environment, agent)
    state = jax.jit(program.init)()
    assert transfers(jax.jit(program.iterate).lower(state).as_text()) == []
    after, figures = jax.jit(program.iterate)(state)
    assert np.isfinite(figures["loss"]) and figures["solver_steps"] >= 1
    # The anchor is the policy that the run began with, and stays.
    jax.tree.map(np.testing.assert_array_equal, after.learner.anchor, state.learner.params)
    # Nothing but rounding below 0: the first updates hardly move the network.
    assert -1e-6 < figures["anchor_loss"] < 1


@pytest.mark.slow
def test_self_play_and_update_of_the_gpu_preset_fit_8_gb() -> None:
    config = self_play_preset("chess-rtx2070")
    assert config.lanes == 256
    environment, agent = make_game(config)
    program = make_program(config, environment, agent)
    shapes = jax.eval_shape(program.init)
    compiled = jax.jit(program.iterate, donate_argnums=0).lower(shapes).compile()
    memory: Any = compiled.memory_analysis()
    # Arguments and results are one place, since the state is donated.
    state, temporary = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    print(f"{config.lanes} games: state {state / GIGABYTE:.2f} GB, temporaries {temporary / GIGABYTE:.2f} GB")
    assert GIGABYTE < state + temporary < 8 * GIGABYTE
