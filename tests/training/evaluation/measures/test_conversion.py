"""Won endings: the same for the same seed, won by who can, and counted right."""

import itertools
import json
import shlex
import sys
from pathlib import Path

import chess

from engine.command_line import run_command
from tests.reference.swap_off import WORTH
from training.evaluation.engines.match_player import ChosenMove, RandomPlayer
from training.evaluation.engines.time_control import NO_CLOCKS, ClockFace, TimeControl
from training.evaluation.measures.conversion import conversion_starts, play_conversions, report_conversions
from training.labels.won_endings import WON_ENDINGS

FAKE = shlex.join([sys.executable, str(Path(__file__).parents[3] / "doubles" / "fake_uci_engine.py")])


class Mater:
    """Mates when it can, takes what is free, and else drives the king to the edge; enough against a random mover."""

    name = "mater"
    time_control: TimeControl | None = None
    margin_s = 0.0

    def start_game(self, number: int) -> None:
        del number

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        del clocks
        return ChosenMove(move=max(sorted(board.legal_moves, key=chess.Move.uci), key=lambda m: self.merit(board, m)))

    def merit(self, board: chess.Board, move: chess.Move) -> float:
        after = board.copy()
        after.push(move)
        if after.is_checkmate():
            return 1e6
        if after.is_game_over() or after.is_repetition(2):
            return -1e6
        own, other = after.king(board.turn), after.king(not board.turn)
        assert own is not None and other is not None
        lost = max(
            (WORTH[after.piece_type_at(m.to_square) or 1] for m in after.legal_moves if after.is_capture(m)), default=0
        )
        worth = [WORTH[p.piece_type] * (1 if p.color == board.turn else -1) for p in after.piece_map().values()]
        return 50 * (sum(worth) - lost) - 5 * after.legal_moves.count() - chess.square_distance(own, other)

    def close(self) -> None:
        pass


def test_starts_are_decided_by_the_seed_and_differ() -> None:
    starts = conversion_starts(100, 1)
    assert starts == conversion_starts(100, 1) != conversion_starts(100, 2)
    assert [start.kind for start in starts[:4]] == [*WON_ENDINGS, WON_ENDINGS[0]]
    assert len({start.opening.start_fen for start in starts}) == 100
    # Golden: figures of different times and machines are about the same positions.
    assert starts[0].opening.start_fen == "8/8/3k4/8/8/5QK1/8/8 w - - 0 1"
    assert starts[2].opening.start_fen == "8/8/3P4/p2p2p1/7k/P7/3P2Q1/3K4 w - - 0 1"


def test_who_can_mate_wins_and_who_moves_at_random_does_not() -> None:
    starts = conversion_starts(6, 1)
    won = report_conversions(starts, play_conversions(Mater(), RandomPlayer(1), starts, 60))
    assert won.won.mean >= 5 / 6 and won.moves is not None and 3 < won.moves.mean < 60
    assert set(won.won_by_kind) == set(WON_ENDINGS) and sum(won.terminations.values()) == 6
    aimless = report_conversions(starts, play_conversions(RandomPlayer(2), RandomPlayer(1), starts, 5))
    assert aimless.won.mean == 0 and aimless.moves is None and "checkmate" not in aimless.terminations


def test_a_game_has_as_many_moves_of_the_player_as_are_allowed() -> None:
    (start,) = itertools.islice(conversion_starts(1, 1), 1)
    (record,) = play_conversions(RandomPlayer(2), RandomPlayer(1), [start], 3)
    assert len(record.moves) == 5 and record.termination == "ply limit"


def test_the_command_reports_them(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert run_command("conversion", ["--engine", FAKE, "--games", "3", "--max-moves", "4", "--json", str(file)]) == 0
    content = json.loads(file.read_text())
    assert content["n"] == 3 and content["figures"]["won"]["n"] == 3
    assert content["settings"] == {"opponent": {"name": "uniform random mover"}, "seed": 1, "max_moves": 4}
