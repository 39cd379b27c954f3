"""Random endings are legal positions of chess that are not over, and Pgx goes on from them as python-chess does."""

import functools
from typing import Any

import chess
import jax
import numpy as np
import pytest

from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from training.games.environment import make_environment

COUNT, PLIES = 256, 6


@functools.cache
def games(most_pieces: int) -> dict[str, np.ndarray]:
    """Plays a few random moves from many endings, `[COUNT, PLIES, ...]`."""
    environment = make_environment("chess")
    assert environment.ending is not None
    ending = functools.partial(environment.ending, most_pieces=most_pieces)

    def play(key: jax.Array) -> dict[str, jax.Array]:
        def step(state: Any, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
            legal = environment.legal(state)
            cell = jax.random.categorical(key, jax.numpy.where(legal, 0.0, -1e9))
            facts = {
                "position": environment.observe(state),
                "legal": legal,
                "cell": cell,
                "is_over": state.terminated,
                "color": state._x.color,
                "mover": state.current_player,
                "order": state._player_order,
            }
            return environment.play(state, cell), facts

        start_key, moves_key = jax.random.split(key)
        return jax.lax.scan(step, ending(start_key), jax.random.split(moves_key, PLIES))[1]

    return jax.device_get(jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(0), COUNT)))


def board_of(position: np.ndarray, color: int) -> chess.Board:
    """Returns the board of an encoded position without castling or en passant."""
    board = chess.Board(None)
    board.turn = bool(color == 0)
    for square, code in enumerate(position[:64]):
        if code:
            at, side = (square, bool(code > 0)) if board.turn else (square ^ 56, bool(code < 0))
            board.set_piece_at(at, chess.Piece(int(abs(code)), side))
    return board


@pytest.mark.slow
@pytest.mark.parametrize("most_pieces", [1, 4, 15])
def test_endings_are_legal_not_over_and_played_by_the_rules(most_pieces: int) -> None:
    played, initial = games(most_pieces), encode_position(chess.Board())
    pieces, lone_kings, movers, colors = [], 0, set(), set()
    for game in range(COUNT):
        first = played["position"][game, 0]
        if np.array_equal(first, initial):  # none was found
            continue
        board = board_of(first, int(played["color"][game, 0]))
        assert board.is_valid() and not board.is_game_over() and not board.is_check(), board.fen()
        counts = [chess.popcount(board.occupied_co[side]) - 1 for side in chess.COLORS]
        assert max(counts) <= most_pieces
        pieces.append(sum(counts))
        lone_kings += min(counts) == 0
        movers.add(int(played["mover"][game, 0]))
        colors.add(board.turn)
        for ply in range(PLIES):
            if played["is_over"][game, ply]:
                break
            np.testing.assert_array_equal(played["position"][game, ply], encode_position(board), board.fen())
            moves, cells = legal_moves_and_cells(board)
            assert np.flatnonzero(played["legal"][game, ply]).tolist() == sorted(cells.tolist())
            board.push(moves[cells.tolist().index(int(played["cell"][game, ply]))])
    assert len(pieces) > (0.5 if most_pieces == 15 else 0.95) * COUNT
    assert min(pieces) >= 1 and max(pieces) > most_pieces and lone_kings > 0
    assert movers == {0, 1} and colors == {True, False}
