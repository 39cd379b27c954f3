"""The compiled program of self-play: games that are really played, exact probabilities, everything learns, no host."""

import functools
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles.self_play_runs import compiled, small_run
from tests.doubles.tiny_network import QUICK
from tests.reference.program_text import transfers, wide_numbers
from training.games.opponents import make_opponent
from training.muesli.agent import Prediction, Root
from training.muesli.candidate_actions import candidates
from training.muesli.muesli_config import MuesliConfig
from training.muesli.sequences import Sequences, unpack_legal
from training.self_play.arena import make_arena
from training.self_play.resident_program import ResidentState, make_game, make_program
from training.self_play.rollout import log_behaviour, new_games, roll_out
from training.self_play.self_play_config import BehaviourConfig
from training.self_play.self_play_presets import SELF_PLAY_PRESETS, self_play_preset

EXACT = MuesliConfig()
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


@functools.cache
def played(steps: int, muesli: MuesliConfig = EXACT, **behaviour: float) -> Sequences:
    run = small_run()
    config = BehaviourConfig(**behaviour)  # type: ignore[arg-type]

    def play(key: jax.Array) -> Sequences:
        params = run.agent.init(jax.random.key(1))
        games = new_games(run.environment, key, 64, config)
        chosen = functools.partial(candidates, muesli, run.environment.most_legal)
        return roll_out(run.environment, run.agent, params, games, key, steps, config, chosen)[1]

    return jax.device_get(jax.jit(play, compiler_options=QUICK)(jax.random.key(2)))


def test_sequences_are_games_of_the_rules_one_after_the_other() -> None:
    environment = small_run().environment
    sequences = played(12, random_share=0.3, opening_plies=3)
    play, observe, legal = jax.jit(environment.play), jax.jit(environment.observe), jax.jit(environment.legal)
    ended = 0
    for lane in range(8):
        state = environment.start(jax.random.key(0))
        for t in range(12):
            np.testing.assert_array_equal(sequences.observation[lane, t], observe(state))
            stored = unpack_legal(jnp.asarray(sequences.legal[lane, t]), 9)
            np.testing.assert_array_equal(stored, legal(state))
            action = int(sequences.action[lane, t])
            assert stored[action]
            after = play(state, jnp.int32(action))
            assert sequences.reward[lane, t] == after.rewards[state.current_player]
            assert sequences.is_terminal[lane, t] == after.terminated
            ended += int(after.terminated)
            state = environment.start(jax.random.key(0)) if after.terminated else after
    assert ended >= 8


def test_successors_are_what_the_rules_make_of_every_legal_action() -> None:
    environment, sequences = small_run().environment, played(12, random_share=0.3, opening_plies=3)
    play, observe = jax.jit(environment.play), jax.jit(environment.observe)
    ended = 0
    for lane in range(4):
        state = environment.start(jax.random.key(0))
        for t in range(12):
            found = jax.tree.map(lambda leaf, where=(lane, t): leaf[where], sequences.successors)
            legal = unpack_legal(jnp.asarray(sequences.legal[lane, t]), 9)
            np.testing.assert_array_equal(found.action, np.where(legal, np.arange(9), -1))
            for place in np.flatnonzero(found.action >= 0):
                after = play(state, jnp.int32(found.action[place]))
                np.testing.assert_array_equal(found.observation[place], observe(after))
                assert found.reward[place] == after.rewards[state.current_player]
                assert found.is_terminal[place] == after.terminated
                ended += int(after.terminated)
            after = play(state, jnp.int32(sequences.action[lane, t]))
            state = environment.start(jax.random.key(0)) if after.terminated else after
    assert ended >= 8


@functools.cache
def network_that_played() -> Callable[[jax.Array], jax.Array]:
    """Returns the network of `played` as a function of observations `[T, O]` that gives logits `[T, 9]`."""
    agent = small_run().agent

    def logits(observation: jax.Array) -> jax.Array:
        return agent.root(agent.init(jax.random.key(1)), observation).prediction.policy_logits

    return cast(Callable[[jax.Array], jax.Array], jax.jit(logits, compiler_options=QUICK))


def policy_of(sequences: Sequences, lane: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the logits of the network that played, and which actions are legal, `[T, 9]`."""
    logits = np.asarray(network_that_played()(jnp.asarray(sequences.observation[lane])), np.float64)
    return logits, np.asarray(unpack_legal(jnp.asarray(sequences.legal[lane]), 9))


def test_candidates_are_the_best_of_the_policy_and_not_of_what_moves_are_drawn_from() -> None:
    best = MuesliConfig(cmpo_mode="best", cmpo_samples=3, bootstrap="value")
    sequences = played(8, best, temperature=2.0, random_share=0.5, opening_plies=4)
    assert sequences.successors is not None
    for lane in range(4):
        for t, (logits, legal) in enumerate(zip(*policy_of(sequences, lane), strict=True)):
            order = [action for action in np.argsort(-logits) if legal[action]][:3]
            np.testing.assert_array_equal(sequences.successors.action[lane, t], order + [-1] * (3 - len(order)))


def test_the_stored_probability_is_that_of_the_draw() -> None:
    sequences = played(8, temperature=1.7, random_share=0.2)
    for lane in range(4):
        logits, legal = policy_of(sequences, lane)
        for t in range(8):
            weights = np.exp(logits[t] / 1.7) * legal[t]
            mixture = 0.8 * weights / weights.sum() + 0.2 * legal[t] / legal[t].sum()
            probability = mixture[sequences.action[lane, t]]
            assert sequences.log_behaviour[lane, t] == pytest.approx(np.log(probability), abs=1e-5)


def test_openings_are_uniform_and_stored_as_such() -> None:
    logits, legal = jnp.array([[9.0, 0.0, 0.0, 5.0]]), jnp.array([[True, True, True, False]])
    opening = jnp.exp(log_behaviour(logits, legal, jnp.array([True]), BehaviourConfig()))
    np.testing.assert_allclose(opening, [[1 / 3, 1 / 3, 1 / 3, 0]], atol=1e-6)
    later = np.exp(log_behaviour(logits, legal, jnp.array([False]), BehaviourConfig(random_share=0.3)))
    assert later[0, 3] == 0 and later[0, 0] == pytest.approx(0.7 + 0.1, abs=1e-3)


def test_draws_have_the_frequencies_that_are_stored() -> None:
    logits, lanes = np.linspace(-2.0, 2.0, 9, dtype=np.float32), 1 << 14
    config = BehaviourConfig(temperature=1.7, random_share=0.2)

    class FixedPolicy:
        """Says the same of every position."""

        def root(self, params: Any, observation: jax.Array) -> Root:
            del params
            rows = jnp.zeros(len(observation))
            policy = jnp.broadcast_to(jnp.asarray(logits), (lanes, 9))
            return Root(rows, Prediction(policy, rows, rows), rows, rows)

    def play(key: jax.Array) -> Sequences:
        environment = small_run().environment
        games = new_games(environment, key, lanes, config)
        return roll_out(environment, FixedPolicy(), None, games, key, 1, config)[1]

    first = jax.device_get(jax.jit(play, compiler_options=QUICK)(jax.random.key(4)))
    policy = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum()
    expected = 0.8 * policy + 0.2 / 9
    counts = np.bincount(first.action[:, 0], minlength=9)
    # Chi-squared of eight degrees of freedom: 26 is exceeded once in a thousand.
    assert np.sum((counts - lanes * expected) ** 2 / (lanes * expected)) < 26
    np.testing.assert_allclose(np.exp(first.log_behaviour[:, 0]), expected[first.action[:, 0]], rtol=1e-4)


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
