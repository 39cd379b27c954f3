"""Games that are really played: by the rules, with exact probabilities, truncated and begun as the settings say."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles.self_play_runs import small_run
from training.muesli.agent import Prediction, Root
from training.muesli.candidate_actions import candidates
from training.muesli.muesli_config import MuesliConfig
from training.muesli.sequences import Sequences, unpack_legal
from training.self_play.rollout import log_behaviour, new_games, roll_out
from training.self_play.self_play_config import BehaviourConfig

EXACT = MuesliConfig()


@functools.cache
def played(steps: int, muesli: MuesliConfig = EXACT, **behaviour: float) -> Sequences:
    run = small_run()
    config = BehaviourConfig(**behaviour)  # type: ignore[arg-type]

    def play(key: jax.Array) -> Sequences:
        params = run.agent.init(jax.random.key(1))
        games = new_games(run.environment, key, 64, config)
        chosen = functools.partial(candidates, muesli, run.environment.most_legal)
        return roll_out(run.environment, run.agent, params, games, key, steps, config, chosen)[1]

    return jax.device_get(jax.jit(play)(jax.random.key(2)))


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


def test_truncated_games_are_replaced_and_count_as_given_up() -> None:
    environment, most = small_run().environment, 6
    sequences = played(24, random_share=1.0, most_plies=most)
    assert not (sequences.is_truncated & sequences.is_terminal).any()
    assert sequences.is_truncated.any() and sequences.is_terminal.any()
    start = np.asarray(environment.observe(environment.start(jax.random.key(0))))
    for lane in range(64):
        plies = 0
        for t in range(24):
            plies += 1
            is_over = sequences.is_terminal[lane, t] or sequences.is_truncated[lane, t]
            assert sequences.is_truncated[lane, t] == (plies == most and not sequences.is_terminal[lane, t])
            if is_over and t < 23:
                np.testing.assert_array_equal(sequences.observation[lane, t + 1], start)
                plies = 0
    run, config = small_run(), BehaviourConfig(random_share=1.0, most_plies=most)
    params, key = run.agent.init(jax.random.key(1)), jax.random.key(2)
    games = new_games(environment, key, 64, config)
    _, made, figures = roll_out(environment, run.agent, params, games, key, 12, config)
    assert figures.truncated_games == made.is_truncated.sum() > 0
    assert figures.games == (made.is_truncated | made.is_terminal).sum()
    assert figures.decisive_games == (made.reward != 0).sum()


def test_a_share_of_the_games_begins_with_an_ending() -> None:
    environment, draws = small_run().environment, []

    def ending(key: jax.Array, most_pieces: int) -> Any:
        draws.append(most_pieces)
        return environment.play(environment.start(key), jnp.int32(4))

    with_endings = dataclasses.replace(environment, ending=ending)
    config = BehaviourConfig(opening_plies=3, endgame_share=0.75, endgame_pieces=7)
    games = new_games(with_endings, jax.random.key(0), 400, config)
    is_ending = np.asarray(jax.vmap(environment.observe)(games.states)).any(axis=1)
    # Five standard errors.
    assert 0.64 < is_ending.mean() < 0.86 and draws == [7]
    assert not np.asarray(games.opening_plies_left)[is_ending].any()
    assert np.asarray(games.opening_plies_left)[~is_ending].any()
    params = small_run().agent.init(jax.random.key(1))
    plain = dataclasses.replace(config, opening_plies=0)
    _, made, _ = roll_out(with_endings, small_run().agent, params, games, jax.random.key(1), 12, plain)
    begins = np.asarray(made.observation)[:, 1:][np.asarray(made.is_terminal)[:, :-1]]
    assert 0.6 < begins.any(axis=1).mean() < 0.9


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

    return cast(Callable[[jax.Array], jax.Array], jax.jit(logits))


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

    first = jax.device_get(jax.jit(play)(jax.random.key(4)))
    policy = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum()
    expected = 0.8 * policy + 0.2 / 9
    counts = np.bincount(first.action[:, 0], minlength=9)
    # Chi-squared of eight degrees of freedom: 26 is exceeded once in a thousand.
    assert np.sum((counts - lanes * expected) ** 2 / (lanes * expected)) < 26
    np.testing.assert_allclose(np.exp(first.log_behaviour[:, 0]), expected[first.action[:, 0]], rtol=1e-4)
