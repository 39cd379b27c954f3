"""The int8 network that is shipped chooses as float32 does."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from engine.checkpoint import load_network, serving_network
from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from engine.network.model import evaluate
from tests.reference.random_games import varied_positions

FOLDER = Path(__file__).resolve().parents[3] / "weights" / "wide"


def dequantised(params: Any) -> Any:
    """Returns float32 kernels of the same values."""
    if not isinstance(params, dict):
        return params
    if "values" in params:
        return params["values"] * params["scale"]
    return {name: dequantised(child) for name, child in params.items()}


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER.exists(), reason="the shipped weights, weights/wide, are not in this checkout")
def test_int8_and_float32_choose_the_same_move() -> None:
    loaded = load_network(FOLDER)
    exact = serving_network(dataclasses.replace(loaded.network.config, arithmetic="float32"))
    networks = [(loaded.network, loaded.params), (exact, dequantised(loaded.params))]
    programs = [jax.jit(lambda params, x, network=network: evaluate(network, params, x)) for network, _ in networks]
    agreed = total = 0
    boards = [board.copy() for board in varied_positions(2400) if any(board.legal_moves)][::2][:1024]
    for start in range(0, len(boards), 64):
        chunk = boards[start : start + 64]
        position = np.stack([encode_position(board) for board in chunk])
        logits = [
            np.asarray(program(params, position).policy_logits)
            for program, (_, params) in zip(programs, networks, strict=True)
        ]
        for row, board in enumerate(chunk):
            cells = legal_moves_and_cells(board)[1]
            served, floating = (np.argmax(each[row, cells]) for each in logits)
            agreed += int(served == floating)
            total += 1
    assert total >= 1000
    assert agreed >= 0.98 * total, f"{agreed} of {total}"
