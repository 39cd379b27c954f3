"""Games replayed in Pgx and in python-chess: the same positions, features and legal cells."""

import functools
import re
from collections import Counter

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pgx.chess import State

from engine.encoding.move_labels import CELLS, legal_moves_and_cells, move_to_label
from engine.encoding.position import CASTLING_ROOK, EN_PASSANT, HALF_MOVES, POSITION_SIZE, REPETITIONS, encode_position
from engine.encoding.square_features import square_features
from tests.reference.random_games import play_random_game
from training.games.pgx_chess import legal_cells_of_state, position_of_state, start_state, step_state

PLIES, MANY_PLIES = 100, 260
SHUFFLE = ["g1f3", "g8f6", "f3g1", "f6g8"]
# 4. ... d7d5 may not be captured: the pawn on e5 is pinned to the king on e1 by the queen on e7.
PINNED = ["e2e4", "e7e5", "f2f4", "e5f4", "e4e5", "d8e7", "g1f3", "d7d5"]
OPENINGS = [
    SHUFFLE * 24,  # the initial position comes back
    ["e2e4", *["g8f6", "g1f3", "f6g8", "f3g1"] * 3],  # no pawn could capture on e3
    ["e2e4", "a7a6", "e4e5", "d7d5", *SHUFFLE * 3],  # the capture on d6 was possible only at first
    [*PINNED, *["f3g1", "b8c6", "g1f3", "c6b8"] * 3],
    ["h2h4", "h7h5", *["h1h2", "h8h7", "h2h1", "h7h8"] * 3],  # two castling rights are lost
    ["e2e4", "e7e5", "g1f3", "g8f6", "f1c4", "f8c5", "e1g1", "e8g8"],
]


def moves_of_random_game(seed: int, plies: int) -> list[chess.Move]:
    *_, board = play_random_game(seed, plies - 1, shuffling=(0.0, 0.4, 0.8)[seed % 3])
    return board.move_stack


def boards_of(moves: list[chess.Move]) -> list[chess.Board]:
    """Returns the board before the first move and after every one."""
    boards = [chess.Board()]
    for move in moves:
        board = boards[-1].copy()
        board.push(move)
        boards.append(board)
    return boards


def labels_of(moves: list[chess.Move], plies: int) -> np.ndarray:
    labels = [move_to_label(board, move) for board, move in zip(boards_of(moves), moves, strict=False)]
    return np.array(labels + [0] * (plies - 1 - len(labels)), np.int32)


def replay(labels: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Plays one game in Pgx, start included: positions `[T, P]`, legal cells `[T, Z]` and whether Pgx ends it `[T]`."""

    def facts(state: State) -> tuple[jax.Array, jax.Array, jax.Array]:
        return position_of_state(state), legal_cells_of_state(state), state.terminated

    def play(state: State, label: jax.Array) -> tuple[State, tuple[jax.Array, jax.Array, jax.Array]]:
        # Pgx stops at a draw and then calls every label legal; here the game goes on.
        state = step_state(state.replace(terminated=jnp.bool_(False)), label)
        state = state.replace(legal_action_mask=state._x.legal_action_mask)
        return state, facts(state)

    start = start_state(jax.random.key(0))
    _, rest = jax.lax.scan(play, start, labels)
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), facts(start), rest)


@functools.cache
def lowered_replay(games: int, plies: int) -> jax.stages.Lowered:
    return jax.jit(jax.vmap(replay)).lower(jax.ShapeDtypeStruct((games, plies - 1), np.int32))


@functools.cache
def compiled_replay(games: int, plies: int) -> jax.stages.Compiled:
    return lowered_replay(games, plies).compile()


def replay_on_both_sides(games: list[list[chess.Move]], plies: int) -> tuple[np.ndarray, np.ndarray]:
    """Replays a batch of games, compares every position and its legal cells.

    Returns:
      All positions `[N, P]`, and for every game and ply whether Pgx ends it there `[games, plies]`.
    """
    labels = np.stack([labels_of(moves, plies) for moves in games])
    positions, cells, ended = jax.tree.map(np.asarray, compiled_replay(len(games), plies)(labels))
    found = []
    for game, moves in enumerate(games):
        for ply, board in enumerate(boards_of(moves)):
            expected = np.zeros(CELLS, bool)
            expected[legal_moves_and_cells(board)[1]] = True
            np.testing.assert_array_equal(positions[game, ply], encode_position(board), err_msg=str(moves[:ply]))
            np.testing.assert_array_equal(cells[game, ply], expected, err_msg=board.fen())
            found.append(positions[game, ply])
    return np.stack(found), ended


@pytest.fixture(scope="module")
def replayed() -> tuple[np.ndarray, np.ndarray]:
    openings = [[chess.Move.from_uci(move) for move in moves] for moves in OPENINGS]
    games = openings + [moves_of_random_game(seed, PLIES) for seed in range(18)]
    return replay_on_both_sides(games, PLIES)


def assert_every_kind_is_there(positions: np.ndarray) -> None:
    repetitions = Counter(positions[:, REPETITIONS].tolist())
    assert min(repetitions[0], repetitions[1], repetitions[2]) > 50
    assert (positions[:, EN_PASSANT] >= 0).sum() > 10
    assert positions[:, HALF_MOVES].max() > 90
    castling = (abs(positions[:, :64]) == CASTLING_ROOK).sum(axis=1)
    assert set(castling.tolist()) == {0, 1, 2, 3, 4}


def test_replayed_games_give_the_same_positions_and_legal_cells(replayed: tuple[np.ndarray, np.ndarray]) -> None:
    positions, _ = replayed
    assert len(positions) > 1500
    assert_every_kind_is_there(positions)


def test_pgx_ends_the_game_when_the_initial_position_stands_there_for_the_third_time(
    replayed: tuple[np.ndarray, np.ndarray],
) -> None:
    _, ended = replayed
    assert np.flatnonzero(ended[0])[0] == 2 * len(SHUFFLE)


def test_nothing_in_the_lowered_program_has_64_bits() -> None:
    program = lowered_replay(len(OPENINGS) + 18, PLIES).as_text(dialect="hlo")
    assert "s8[" in program
    assert re.findall(r"\b(?:f|s|u|c)(?:64|128)\[.*", program) == []


@pytest.mark.slow
def test_many_long_games_give_the_same_positions_cells_and_features() -> None:
    features = jax.jit(square_features)
    for batch in range(4):
        games = [moves_of_random_game(1000 * batch + seed, MANY_PLIES) for seed in range(32)]
        games[0] = [chess.Move.from_uci(move) for move in SHUFFLE * 30]  # past the fifty-move rule
        positions, _ = replay_on_both_sides(games, MANY_PLIES)
        assert_every_kind_is_there(positions)
        assert positions[:, HALF_MOVES].max() == 100
        for part in positions[: len(positions) // 128 * 128].reshape(-1, 128, POSITION_SIZE):
            np.testing.assert_array_equal(features(part), square_features(part))
