"""The player of exchanges against one that uses python-chess and loops."""

import functools
from collections.abc import Iterator

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import legal_moves_and_cells, move_to_label
from engine.encoding.position import encode_position
from tests.reference.exchange_judge import exchange_score, mates
from tests.reference.random_games import play_random_game
from training.games.environment import make_environment
from training.games.exchange_player import checking_moves, exchange_scores
from training.games.opponents import make_opponent
from training.games.pgx_chess import start_state, step_state

MOST = 218
SPECIAL = (
    "rnbqkbnr/ppp1p1pp/8/3pPp2/8/8/PPPP1PPP/RNBQKBNR w KQkq f6 0 3",
    "4k3/P2P1P2/4n3/8/8/8/3p4/R3K2R w KQ - 0 1",
    "8/8/8/K2pP2r/8/8/8/6k1 w - d6 0 1",
    "r3k2r/8/8/8/8/6K1/3p4/2R5 b kq - 0 1",
    "7k/5P2/8/8/8/8/8/4K1R1 w - - 0 1",
    "3k4/8/8/8/8/8/8/R3K3 w Q - 0 1",  # castling gives check
)


def boards() -> Iterator[chess.Board]:
    for fen in SPECIAL:
        yield chess.Board(fen)
    for seed in range(12):
        for ply, board in enumerate(play_random_game(seed, 120)):
            if ply % 9 == 0 and not board.is_game_over():
                yield board.copy()


@functools.cache
def judge() -> jax.stages.Wrapped:
    return jax.jit(lambda position, cells: (exchange_scores(position, cells), checking_moves(position, cells)))


@pytest.mark.slow
def test_scores_and_checks_are_those_of_the_loops() -> None:
    kinds = {"promotion": 0, "en passant": 0, "castling": 0, "check": 0, "loss": 0}
    for board in boards():
        moves, cells = legal_moves_and_cells(board)
        padded = np.zeros(MOST, np.int32)
        padded[: len(cells)] = cells
        scores, checks = judge()(jnp.asarray(encode_position(board)), jnp.asarray(padded))
        for place, move in enumerate(moves):
            expected = exchange_score(board, move)
            assert float(scores[place]) == pytest.approx(expected, abs=1e-4), (board.fen(), move)
            assert bool(checks[place]) == board.gives_check(move), (board.fen(), move)
            kinds["promotion"] += move.promotion is not None
            kinds["en passant"] += board.is_en_passant(move)
            kinds["castling"] += board.is_castling(move)
            kinds["check"] += board.gives_check(move)
            kinds["loss"] += expected < 0
    assert min(kinds.values()) >= 2, kinds


@pytest.mark.slow
def test_it_mates_if_it_can_and_else_plays_one_of_the_best_exchanges() -> None:
    environment = make_environment("chess")
    opponent = jax.jit(jax.vmap(make_opponent(environment, "exchange"), in_axes=(0, None)))
    keys, step = jax.random.split(jax.random.key(0), 64), jax.jit(step_state)
    scholars = ["e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6"]
    # Black's queen can be had for nothing.
    blunder = ["e2e4", "e7e5", "g1f3", "d8g5"]
    for moves, only in ((scholars, {"h5f7"}), (blunder, {"f3g5"}), (["e2e4"], None)):
        board, state = chess.Board(), start_state(jax.random.key(0))
        for text in moves:
            move = chess.Move.from_uci(text)
            state = step(state, jnp.int32(move_to_label(board, move)))
            board.push(move)
        legal, cells = legal_moves_and_cells(board)
        scores = [1000.0 if mates(board, move) else exchange_score(board, move) for move in legal]
        best = {move.uci() for move, score in zip(legal, scores, strict=True) if score == max(scores)}
        assert only is None or best == only
        chosen = {legal[cells.tolist().index(cell)].uci() for cell in np.asarray(opponent(keys, state)).tolist()}
        assert chosen <= best and len(chosen) > len(best) / 2, (best, chosen)
