"""The compiled program of self-play: everything learns, iterations repeat, nothing goes through the host."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

from tests.doubles.self_play_runs import compiled, small_run
from tests.reference.program_text import transfers, wide_numbers
from training.games.opponents import make_opponent
from training.self_play.arena import make_arena
from training.self_play.resident_program import ResidentState, make_game, make_program
from training.self_play.self_play_presets import SELF_PLAY_PRESETS, self_play_preset

PAST = ("muesli.past_rates=0.01,0.001", "muesli.weights.anchor=0.1")


@functools.cache
def first_states(*overrides: str) -> list[Any]:
    """Returns the state at the start and after each of three iterations, on the host, and the last figures."""
    init, iterate = compiled(*overrides)
    states, figures = [init()], {}
    for _ in range(3):
        state, figures = iterate(states[-1])
        states.append(state)
    return [*jax.device_get(states), jax.device_get(figures)]


def test_an_iteration_moves_nothing_to_the_host_and_holds_no_64_bit_number() -> None:
    program = small_run().program
    lowered = jax.jit(program.iterate).lower(jax.eval_shape(program.init)).as_text()
    assert "stablehlo.while" in lowered
    assert transfers(lowered) == [] and wide_numbers(lowered) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SELF_PLAY_PRESETS if name != "tic_tac_toe"])
def test_so_does_an_iteration_of_every_preset(name: str) -> None:
    config = self_play_preset(name)
    program = make_program(config, *make_game(config))
    lowered = jax.jit(program.iterate).lower(jax.eval_shape(program.init)).as_text()
    assert transfers(lowered) == [] and wide_numbers(lowered) == []


def test_the_search_for_transfers_and_wide_numbers_can_fail() -> None:
    def noisy(x: jax.Array) -> jax.Array:
        jax.debug.print("{}", x)
        return x

    assert transfers(jax.jit(noisy).lower(1.0).as_text())
    with jax.enable_x64(True):
        assert wide_numbers(jax.jit(lambda x: x + 1).lower(np.int64(1)).as_text())


@pytest.mark.slow
def test_every_parameter_learns() -> None:
    states = first_states(*PAST)
    before, after = states[0].learner, states[3].learner
    assert int(after.step) == 6 and int(states[3].step) == 3

    def changes(path: Any, old: np.ndarray, new: np.ndarray) -> None:
        assert np.abs(new - old).max() > 1e-6, jax.tree_util.keystr(path)

    jax.tree_util.tree_map_with_path(changes, before.params, after.params)

    # The target follows the learner, past policies follow it more slowly.
    def distance(other: Any) -> float:
        return sum(
            float(np.abs(a - b).sum()) for a, b in zip(*map(jax.tree.leaves, (other, before.params)), strict=True)
        )

    assert distance(after.params) > distance(after.target) > distance(after.past[0]) > distance(after.past[1]) > 0


@pytest.mark.slow
def test_iterations_repeat_exactly_and_differ_from_each_other() -> None:
    init, iterate = compiled(*PAST)
    states = first_states(*PAST)
    again = jax.device_get(iterate(iterate(init())[0])[0])
    jax.tree.map(np.testing.assert_array_equal, again, states[2])
    assert not np.array_equal(states[1].random_bits, states[2].random_bits)
    sequences = states[3].replay.sequences
    assert not np.array_equal(sequences.action[:, 0], sequences.action[:, 1])


@pytest.mark.slow
def test_figures_say_what_happened() -> None:
    states = first_states(*PAST)
    figures = states[-1]
    assert all(np.isfinite(value) for value in figures.values())
    assert {
        "ratio",
        "ratio_clipped_share",
        "cmpo_loss",
        "cmpo_clipped_share",
        "advantage_scale",
        "q_correlation",
    } <= set(figures)
    assert {"residual", "solver_steps", "calibration_error", "games", "game_plies", "cmpo_variation"} <= set(figures)
    assert figures["games"] > 0 and 5 <= figures["game_plies"] / figures["games"] <= 9
    assert 0 <= figures["cmpo_variation"] <= np.tanh(0.5) + 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("muesli.cmpo_mode=sampled", "generator=rbg", "arithmetic=bfloat16"),
        ("muesli.cmpo_mode=sampled", "game=gardner_chess", "muesli.cmpo_samples=2"),
        ("game=connect_four", "updates=1", "muesli.lookahead=rules", "board_network.line_features=4"),
        ("muesli.lookahead=rules", "muesli.cmpo_mode=best", "muesli.cmpo_samples=3", "muesli.bootstrap=value"),
    ],
)
def test_variants_run(overrides: tuple[str, ...]) -> None:
    init, iterate = compiled(*overrides)
    state, figures = iterate(init())
    assert isinstance(state, ResidentState)
    assert np.isfinite(figures["loss"]) and np.isfinite(figures["gradient_norm"])


@pytest.mark.slow
def test_the_arena_counts_every_game_once() -> None:
    run = small_run()
    opponent = make_opponent(run.environment, "perfect")
    arena = jax.jit(make_arena(run.environment, run.agent, opponent, 20))
    wins, draws, losses = (int(x) for x in arena(run.agent.init(jax.random.key(0)), jax.random.key(0)))
    # Nobody beats the perfect player, and a network without training loses to it.
    assert wins == 0 and wins + draws + losses == 20 and losses > 5
    with pytest.raises(ValueError, match="even"):
        make_arena(run.environment, run.agent, opponent, 7)
