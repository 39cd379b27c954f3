"""Explains a position as JSON, the same for the page and for files; docs/view-api.md describes it."""

import random
from typing import Any

import chess
import numpy as np

from engine.player.choice import choose_move, is_drawn_by_rule, ranked_moves
from engine.player.evaluator import Evaluation, Evaluator
from engine.player.successors import Successors
from engine.view.ablation import worth_of_pieces
from engine.view.capture import Trace

Json = dict[str, Any]
_DIGITS = 4  # of probabilities; attention below 0.00005 is not visible


def position_facts(board: chess.Board) -> Json:
    """Returns what the rules of chess say about a position, its game in the move stack."""
    moves = sorted(board.legal_moves, key=chess.Move.uci)
    return {
        "fen": board.fen(),
        "turn": "white" if board.turn == chess.WHITE else "black",
        "ply": len(board.move_stack),
        "is_check": board.is_check(),
        "last_move": board.peek().uci() if board.move_stack else None,
        "over": _over(board),
        "moves": [{"uci": move.uci(), "san": board.san(move)} for move in moves],
    }


def explain_trace(board: chess.Board, trace: Trace) -> Json:
    """Returns the network's view of a position, state by state; lists follow the order of the legal moves."""
    evaluation = trace.evaluation
    states = [
        {
            "step": step,
            "probabilities": _rounded(np.exp(trace.log_probs[step]), 6),
            "entropy_nats": _entropy(trace.log_probs[step]),
            "wdl_to_move": _rounded(trace.wdl_to_move[step], 6),
            "value_to_move": round(float(trace.wdl_to_move[step, 0] - trace.wdl_to_move[step, 2]), 6),
            "residual": None if np.isnan(trace.residual[step]) else float(f"{trace.residual[step]:.6g}"),
        }
        for step in range(len(trace.residual))
    ]
    move = played_move(board, trace).uci()
    return {"played": {"move": move, "state": trace.played_state, **evaluation_json(evaluation)}, "states": states}


def whole_explanation(board: chess.Board, trace: Trace) -> Json:
    """Returns everything: the position, the network's view of it, and the attention of every state."""
    attention = [attention_json(trace, state) for state in range(len(trace.residual))]
    return {**position_facts(board), "network": explain_trace(board, trace), "attention": attention}


def played_move(board: chess.Board, trace: Trace) -> chess.Move:
    """Returns the move that the player makes here at full strength."""
    # At temperature 0 nothing is drawn, so the generator is not read.
    return choose_move(board, trace.evaluation, ranked_moves(trace.evaluation), 0.0, random.Random(0))


def evaluation_json(evaluation: Evaluation) -> Json:
    """Returns an evaluation without its moves."""
    return {
        "probabilities": _rounded(np.exp(evaluation.log_probs), 6),
        "entropy_nats": round(evaluation.entropy_nats, 6),
        "wdl_to_move": _rounded(evaluation.wdl_to_move, 6),
        "value_to_move": round(evaluation.value_to_move, 6),
        "steps": evaluation.steps,
        "residual": float(f"{evaluation.residual:.6g}"),
        "converged": evaluation.converged,
    }


def attention_json(trace: Trace, state: int) -> Json:
    """Returns the attention of one state: `weights[block][head][query][key]` over `squares`."""
    return {
        "state": state,
        "squares": [chess.square_name(square) for square in trace.squares],
        "weights": np.round(trace.attention[state].astype(float), _DIGITS).tolist(),
    }


def successors_json(board: chess.Board, evaluator: Evaluator) -> list[Json]:
    """Returns win, draw and loss after every legal move, for the side that makes it, by the rules or the network."""
    moves = sorted(board.legal_moves, key=chess.Move.uci)
    successors = Successors(board, {})
    asked = successors.unevaluated(moves)
    successors.add(dict(zip(asked, evaluator.evaluate([successors.after(move) for move in asked]), strict=True)))
    values = successors.values(moves)
    return [
        {
            "move": move.uci(),
            "wdl": _rounded(wdl, 6),
            "value": round(float(wdl[0] - wdl[2]), 6),
            "by": "network" if successors.decided(move) is None else "rules",
        }
        for move, wdl in values.items()
    ]


def worth_json(board: chess.Board, evaluation: Evaluation, evaluator: Evaluator) -> list[Json]:
    """Returns how removing each piece changes the verdict for the side to move."""
    return [
        {
            "square": chess.square_name(worth.square),
            "piece": board.piece_at(worth.square).symbol(),  # type: ignore[union-attr]
            "wdl_to_move": _rounded(worth.wdl_to_move, 6),
            "change": round(worth.change, 6),
        }
        for worth in worth_of_pieces(board, evaluation.value_to_move, evaluator)
    ]


def _over(board: chess.Board) -> Json | None:
    """Returns result and reason when the game is over or a player may claim a draw."""
    if board.is_checkmate():
        return {"result": "0-1" if board.turn == chess.WHITE else "1-0", "reason": "checkmate"}
    if not is_drawn_by_rule(board):
        return None
    if board.is_stalemate():
        reason = "stalemate"
    elif board.is_insufficient_material():
        reason = "insufficient material"
    else:
        reason = "fifty moves" if board.halfmove_clock >= 100 else "repetition"
    return {"result": "1/2-1/2", "reason": reason}


def _entropy(log_probs: np.ndarray) -> float:
    return round(float(-np.sum(np.exp(log_probs) * log_probs)) + 0.0, 6)


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
