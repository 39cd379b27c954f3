"""Makes packed sets for benchmarks: positions of random games with random values."""

import random
from pathlib import Path

import chess
import numpy as np

from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from training.packed.shard_writer import ShardWriter
from training.packed.shards import VALUE_SCALE

_LONGEST_GAME = 120  # plies


def write_bench_shards(folder: Path, count: int, seed: int = 0) -> None:
    """Writes a packed set of random positions.

    Args:
      folder: the folder to make.
      count: positions.
      seed: decides games and values.
    """
    rng, draws = random.Random(seed), np.random.default_rng(seed)
    positions: list[np.ndarray] = []
    cells_of_moves: list[np.ndarray] = []
    board = chess.Board()
    while len(positions) < count:
        moves, cells = legal_moves_and_cells(board)
        if not moves or len(board.move_stack) >= _LONGEST_GAME:
            board = chess.Board()
            continue
        positions.append(encode_position(board))
        cells_of_moves.append(cells)
        board.push(rng.choice(moves))
    all_cells = np.concatenate(cells_of_moves)
    values = (draws.random(len(all_cells)) * VALUE_SCALE).astype(np.uint16)
    counts = np.array([len(cells) for cells in cells_of_moves])
    with ShardWriter(folder, "bench", "all") as writer:
        writer.append(np.stack(positions), counts, all_cells.astype(np.uint16), values)
