"""What `eval` prints for people: the policy, the expected result and the solver's record."""

import math

from engine.player.choice import ranked_moves
from engine.player.evaluator import Evaluation
from engine.player.score import expected_score_to_cp, wdl_permille


def evaluation_report(evaluation: Evaluation) -> list[str]:
    """Returns the policy, the expected result and the solver's record for `eval`."""
    percent = {
        move: 100.0 * math.exp(float(log_prob))
        for move, log_prob in zip(evaluation.moves, evaluation.log_probs, strict=True)
    }
    policy = [f"  {move.uci():5} {percent[move]:6.2f} %" for move in ranked_moves(evaluation)]
    win, draw, loss = wdl_permille(evaluation.wdl_to_move)
    expected = evaluation.expected_score_to_move
    return [
        f"Policy ({len(policy)} moves, entropy {evaluation.entropy_nats:.3f} nats):",
        *policy,
        f"Side to move: win {win / 10:.1f} %, draw {draw / 10:.1f} %, loss {loss / 10:.1f} %, "
        f"expected score {expected:.3f}, {expected_score_to_cp(expected):+d} cp",
        f"Solver: {evaluation.solver_words}",
    ]
