import dataclasses
import math

import chess
import numpy as np
import pytest

from engine.player.evaluator import Evaluation


def _evaluation(probs: list[float], wdl: list[float]) -> Evaluation:
    moves = tuple(sorted(chess.Board().legal_moves, key=chess.Move.uci))[: len(probs)]
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.array(probs))
    return Evaluation(moves, log_probs, np.array(wdl), steps=1, residual=0.0, converged=True)


def test_value_and_expected_score_are_those_of_the_side_to_move() -> None:
    evaluation = _evaluation([1.0], [0.5, 0.3, 0.2])
    assert evaluation.value_to_move == pytest.approx(0.3)
    assert evaluation.expected_score_to_move == pytest.approx(0.65)


def test_the_solvers_record_is_said_in_one_form() -> None:
    evaluation = _evaluation([1.0], [0.5, 0.3, 0.2])
    assert evaluation.solver_words == "1 step, residual 0, converged"
    stopped = dataclasses.replace(evaluation, steps=12, residual=0.12345, converged=False)
    assert stopped.solver_words == "12 steps, residual 0.123, not converged"
    assert dataclasses.replace(stopped, converged=None).solver_words == "12 steps, residual 0.123"


def test_entropy_of_a_uniform_policy_is_the_logarithm_of_its_size() -> None:
    assert _evaluation([0.25] * 4, [0, 1, 0]).entropy_nats == pytest.approx(math.log(4))


def test_entropy_ignores_impossible_moves() -> None:
    assert _evaluation([1.0, 0.0], [0, 1, 0]).entropy_nats == 0.0
