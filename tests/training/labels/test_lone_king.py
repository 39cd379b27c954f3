"""Exact endings: known greatest distances, moves checked against the rules, and games won by the labels."""

import random
from pathlib import Path
from typing import Any

import chess
import pytest

from engine.command_line import run_command
from training.labels.label_formats import read_labels
from training.labels.lone_king import ending_values, mate_distances, mate_in
from training.labels.won_endings import won_ending


@pytest.mark.parametrize(("man", "moves"), [("Q", 10), ("R", 16)])
def test_the_longest_mates_are_the_known_ones(man: Any, moves: int) -> None:
    # K+Q v K takes at most 10 moves and K+R v K 16, as every book of endings says.
    assert mate_distances(man).winner_moves.max() == 2 * moves - 1


@pytest.mark.parametrize("kind", ["K+Q v K", "K+R v K"])
def test_distances_agree_with_the_rules(kind: Any) -> None:
    for seed in range(25):
        board = won_ending(random.Random(seed), kind)
        distances = mate_distances(kind[2])
        own = board if board.turn == chess.WHITE else board.mirror()
        king, lone = own.king(chess.WHITE), own.king(chess.BLACK)
        (man,) = own.pieces(chess.QUEEN, chess.WHITE) | own.pieces(chess.ROOK, chess.WHITE)
        plies = distances.winner_moves[king, man, lone]
        mates = [mate_in(board, move) for move in board.legal_moves]
        found = [mate for mate in mates if mate is not None]
        assert plies == 2 * min(found) - 1
        for move, mate in zip(list(board.legal_moves), mates, strict=True):
            board.push(move)
            assert (mate == 1) == board.is_checkmate()
            can_take = any(board.is_capture(reply) for reply in board.legal_moves)
            assert (mate is None) == (board.is_stalemate() or can_take)
            board.pop()


def test_values_tell_quick_mates_from_slow_ones_and_from_draws() -> None:
    board = chess.Board("7k/8/5K2/8/8/8/8/6Q1 w - - 0 1")
    values = dict(zip(sorted(move.uci() for move in board.legal_moves), ending_values(board, 0.05), strict=True))
    assert values["g1g7"] == 1 - 0.001
    assert values["f6f7"] == pytest.approx(1 - 0.001 - 0.05)
    # Stalemate, and a queen that is taken; every other move wins.
    assert {move for move, value in values.items() if value < 0.55} == {"g1g6", "g1g8"}
    assert values["g1g6"] == values["g1g8"] == 0.5


def test_playing_the_labels_wins() -> None:
    rng = random.Random(4)
    for kind in ("K+Q v K", "K+R v K"):
        board = won_ending(rng, kind)
        for _ in range(16):
            values = ending_values(board, 0.05)
            moves = sorted(board.legal_moves, key=chess.Move.uci)
            board.push(moves[values.index(max(values))])
            if board.is_checkmate():
                break
            board.push(rng.choice(list(board.legal_moves)))
        assert board.is_checkmate()


def test_a_file_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "endings.tsv"
    assert run_command("label", ["--source", "endings", "--out", str(out), "--count", "20"]) == 0
    labelled = list(read_labels(out, "all"))
    assert len({position.board.fen() for position in labelled}) == 20
    assert all(position.values.max() >= 0.98 for position in labelled)
    assert run_command("label", ["--source", "endings", "--out", str(out)]) == 2
    assert run_command("label", ["--source", "endings", "--out", str(tmp_path / "x"), "--per-move", "2"]) == 2
    assert "expected --per-move in 0..1" in capsys.readouterr().err
