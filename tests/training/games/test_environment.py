"""The games behind their one interface, played at random; the fixed opponents; the arena."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training.games.environment import ENVIRONMENTS, make_environment
from training.games.opponents import make_opponent, perfect_moves, uniform
from training.games.pgx_rules import mover_reward

GAMES = 32
# Cells that one move can change: castling moves two men, en passant three cells.
CHANGED_CELLS = {"tic_tac_toe": 1, "connect_four": 1, "gardner_chess": 2, "chess": 4}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("connect_four", "gardner_chess", "chess")]
GAMES_TESTED = ["tic_tac_toe", *SLOW]


@functools.cache
def random_games(name: str) -> dict[str, np.ndarray]:
    """Plays games with uniformly random moves to their ends, `[G, T, ...]`; ended games stand still."""
    environment = make_environment(name)

    def play(key: jax.Array) -> dict[str, jax.Array]:
        start_key, moves_key = jax.random.split(key)

        def step(state: Any, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
            action = uniform(key, environment.legal(state))
            after = environment.play(state, action)
            facts = {
                "observation": environment.observe(state),
                "legal": environment.legal(state),
                "action": action,
                "reward": mover_reward(state, after),
                "rewards": after.rewards,
                "was_over": state.terminated,
                "is_over": after.terminated,
            }
            return after, facts

        keys = jax.random.split(moves_key, min(environment.longest_game, 80))
        return jax.lax.scan(step, environment.start(start_key), keys)[1]

    return jax.device_get(jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(0), GAMES)))


@pytest.mark.parametrize("name", GAMES_TESTED)
def test_random_games_keep_the_rules_of_the_interface(name: str) -> None:
    environment, games = make_environment(name), random_games(name)
    running = ~games["was_over"]
    assert games["observation"].shape[2] == environment.observation_size and games["observation"].dtype == np.int8
    assert games["legal"].shape[2] == environment.actions
    legal_count = games["legal"].sum(axis=2)[running]
    assert legal_count.min() >= 1 and legal_count.max() <= environment.most_legal
    cells = games["observation"][..., : environment.cells]
    assert np.abs(cells).max() <= environment.pieces
    if environment.longest_game <= 80:
        assert games["is_over"][:, -1].all()
    # Zero-sum, and nothing before the end.
    np.testing.assert_array_equal(games["rewards"].sum(axis=2), 0)
    assert np.all(games["reward"][running & ~games["is_over"]] == 0)
    assert np.all(np.isin(games["reward"], (0, 1)))
    if environment.pieces == 1:
        assert (games["reward"] == 1).any()


@pytest.mark.parametrize("name", GAMES_TESTED)
def test_the_next_position_is_the_board_turned_over(name: str) -> None:
    environment, games = make_environment(name), random_games(name)
    cells = games["observation"][..., : environment.cells].astype(int)
    after = -cells[:, 1:][..., environment.turned]
    changed = (after != cells[:, :-1]).sum(axis=2)[~games["is_over"][:, :-1]]
    if name == "chess":
        # A rook that may castle has a code of its own, which king and rook moves change on all corners.
        plain = np.where(np.abs(cells) == 7, np.sign(cells) * 4, cells)
        changed = (-plain[:, 1:][..., environment.turned] != plain[:, :-1]).sum(axis=2)[~games["is_over"][:, :-1]]
    assert changed.min() >= 1 and changed.max() <= CHANGED_CELLS[name]


def test_all_games_have_their_facts() -> None:
    for name in ENVIRONMENTS:
        environment = make_environment(name)
        assert environment.name == name
        assert sorted(environment.turned) == list(range(environment.cells))
        np.testing.assert_array_equal(environment.turned[environment.turned], np.arange(environment.cells))
    with pytest.raises(ValueError, match="expected a game, one of tic_tac_toe, .*, got 'go'"):
        make_environment("go")


def position(name: str, actions: list[int]) -> Any:
    environment = make_environment(name)
    state = environment.start(jax.random.key(0))
    for action in actions:
        state = environment.play(state, jnp.int32(action))
    return state


def test_the_perfect_player_knows_tic_tac_toe() -> None:
    best = perfect_moves()
    weights = 3 ** np.arange(9)

    def moves(cells: list[int]) -> list[int]:
        return np.flatnonzero(best[((np.array(cells) + 1) * weights).sum()]).tolist()

    assert moves([0] * 9) == list(range(9))
    assert moves([-1, 0, 0, 0, 0, 0, 0, 0, 0]) == [4]  # only the centre answers a corner
    assert moves([1, 1, 0, -1, -1, 0, 0, 0, 0]) == [2]  # win before block
    assert moves([1, 0, 0, -1, -1, 0, 0, 0, 0]) == [5]


@pytest.mark.slow
def test_opponents_win_block_or_move_at_random() -> None:
    environment = make_environment("connect_four")
    opponent = jax.jit(jax.vmap(make_opponent(environment, "tactical"), in_axes=(0, None)))
    keys = jax.random.split(jax.random.key(0), 20)
    # First has three in column 0, second three in column 6: whoever moves wins there at once.
    assert set(np.asarray(opponent(keys, position("connect_four", [0, 6, 0, 6, 0, 6])))) == {0}
    # Second has to stop column 0 and cannot win.
    assert set(np.asarray(opponent(keys, position("connect_four", [0, 6, 0, 6, 0])))) == {0}
    assert len(set(np.asarray(opponent(keys, position("connect_four", [0, 6]))))) > 3
    for name, game in (("perfect", "connect_four"), ("tactical", "chess"), ("stockfish", "tic_tac_toe")):
        with pytest.raises(ValueError, match="expected"):
            make_opponent(make_environment(game), name)
