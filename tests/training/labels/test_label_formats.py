"""The label parsers against plain decodings, hand-worked lines and malformed ones."""

import lzma
from pathlib import Path

import chess
import numpy as np
import pytest

from engine.files.text_file import FileError
from training.labels.expected_score import score_to_value
from training.labels.label_formats import LabelError, LabelKind, parse_lines, read_boards, read_labels

DATA = Path(__file__).resolve().parents[2] / "data"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
MATE_IN_ONE = "6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1"


def one(kind: LabelKind, line: str) -> dict[str, float]:
    (labelled,) = parse_lines(kind, "labels", 1, [line])
    assert [m.uci() for m in labelled.moves] == sorted(m.uci() for m in labelled.board.legal_moves)
    return {m.uci(): float(v) for m, v in zip(labelled.moves, labelled.values, strict=True)}


def test_all_moves_of_the_sample_agree_with_a_plain_decoding() -> None:
    lines = (DATA / "labels-all.tsv").read_text().splitlines()
    labels = list(read_labels(DATA / "labels-all.tsv", "all"))
    assert len(labels) == len(lines) == 60
    for line, labelled in zip(lines, labels, strict=True):
        group, fen, text = line.split("\t")
        numbers = [ALPHABET.index(text[i]) * 64 + ALPHABET.index(text[i + 1]) for i in range(0, len(text), 2)]
        assert (labelled.group, labelled.board.fen()) == (group, fen)
        assert labelled.values == pytest.approx([number / 4095 for number in numbers])


def test_best_four_by_hand() -> None:
    values = one("top4", f"g\t{chess.STARTING_FEN}\te2e4:40:7 d2d4:31998:7 c2c4:-20:6 g1f3:30:6")
    assert len(values) == 20
    assert values["d2d4"] == pytest.approx(0.998)
    assert values["e2e4"] == score_to_value(40)
    assert values["a2a3"] == pytest.approx(score_to_value(-20) - 0.05)


def test_unlisted_moves_are_never_negative_and_few_moves_need_no_floor() -> None:
    lost = one("top4", f"g\t{chess.STARTING_FEN}\te2e4:-31999:7 d2d4:-31999:7 c2c4:-31999:6 g1f3:-31999:6")
    assert set(lost.values()) == {0.001, 0.0}
    assert one("top4", "g\t7k/8/8/8/8/8/1r6/K7 w - - 0 1\ta1b2:0:9") == {"a1b2": 0.5}


def test_the_deeper_of_two_verdicts_on_one_move_counts() -> None:
    values = one("top4", f"g\t{chess.STARTING_FEN}\te2e4:40:7 d2d4:30:6 d2d4:35:7 e2e4:10:6")
    assert values["e2e4"] == score_to_value(40)
    assert values["d2d4"] == score_to_value(35)
    assert values["a2a3"] == pytest.approx(score_to_value(35) - 0.05)


def test_a_puzzle_gives_every_position_of_the_solver() -> None:
    line = "id1,r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5Q2/PPPP1PPP/RNB1KBNR w KQkq - 2 3,f1c4 a7a6 f3f7 e8f7,1,x"
    with pytest.raises(LabelError, match="line 1: "):  # f7 is mate, nothing can follow
        list(parse_lines("puzzles", "p", 1, [line]))
    # Scholar's mate: b8c6 is the opponent's, then c4 a6 Qxf7 mate, which Bxf7 is not.
    fen = "rnbqkbnr/pppp1ppp/8/4p3/4P3/5Q2/PPPP1PPP/RNB1KBNR b KQkq - 1 2"
    first, second = parse_lines("puzzles", "p", 1, [f"id1,{fen},b8c6 f1c4 a7a6 f3f7"])
    assert first.group == second.group == "id1"
    assert first.board.peek().uci() == "b8c6" and second.board.peek().uci() == "a7a6"
    assert {m.uci() for m, v in zip(first.moves, first.values, strict=True) if v} == {"f1c4"}
    assert {m.uci() for m, v in zip(second.moves, second.values, strict=True) if v} == {"f3f7"}
    assert set(second.values) == {0.0, 1.0}


def test_any_mating_move_solves_a_puzzle() -> None:
    values = one("puzzles", "id,6k1/5ppp/8/8/7p/8/8/RR4K1 b - - 0 1,h4h3 a1a8")
    assert {uci for uci, value in values.items() if value == 1.0} == {"a1a8", "b1b8"}


def test_the_puzzle_sample() -> None:
    labels = list(read_labels(DATA / "puzzles.csv", "puzzles"))
    assert len({labelled.group for labelled in labels}) == 60
    assert all(labelled.values.max() == 1.0 for labelled in labels)
    shown = {board.fen() for board in read_boards(DATA / "puzzles.csv")}
    assert {labelled.board.fen() for labelled in labels} < shown


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("all", "g\tno position\t00", "fen"),
        ("all", f"g\t{MATE_IN_ONE}", "expected 3 fields"),
        ("all", f"g\t{MATE_IN_ONE}\t00", "expected 2 characters for each of"),
        ("all", f"g\t{MATE_IN_ONE}\t" + "!0" * 18, "alphabet|expected 2 characters"),
        ("all", "g\t8/8/8/8/8/8/8/K7 w - - 0 1\t000000", "both kings"),
        ("all", "g\t5k2/5P2/5K2/8/8/8/8/8 b - - 0 1\t", "expected a position with a legal move"),
        ("top4", f"g\t{MATE_IN_ONE}\ta1a8:1:2", "expected 4 listed moves"),
        ("top4", f"g\t{MATE_IN_ONE}\ta1a8:1:2 a1a9:1:2 a1a7:1:2 a1a6:1:2", "'a1a9:1:2'"),
        ("puzzles", f"id,{MATE_IN_ONE},a1a8", "even number of moves"),
        ("puzzles", f"id,{MATE_IN_ONE},a1a7 a1a8", "expected a legal solver move"),
        ("puzzles", f"id,{MATE_IN_ONE},a1b8 g8f8", "illegal"),
    ],
)
def test_malformed_lines_name_file_line_and_reason(kind: LabelKind, line: str, reason: str) -> None:
    with pytest.raises(LabelError, match=rf"^some\.tsv, line 8: .*({reason})") as caught:
        list(parse_lines(kind, "some.tsv", 7, ["", line]))
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="absent.tsv"):
        list(read_labels(tmp_path / "absent.tsv", "all"))
    whole = lzma.compress((DATA / "labels-all.tsv").read_bytes())
    for name, content in {"cut.tsv.xz": whole[: len(whole) // 2], "plain.tsv.xz": b"plain"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match=name):
            list(read_labels(tmp_path / name, "all"))
    (tmp_path / "good.tsv.xz").write_bytes(whole)
    packed = [label.values for label in read_labels(tmp_path / "good.tsv.xz", "all")]
    plain = [label.values for label in read_labels(DATA / "labels-all.tsv", "all")]
    assert all(np.array_equal(a, b) for a, b in zip(packed, plain, strict=True))
