from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.uci.commands import (
    BARE_WORDS,
    Bare,
    Debug,
    Go,
    Invalid,
    Position,
    SetOption,
    parse_command,
)


@pytest.mark.parametrize("word", BARE_WORDS)
def test_one_word_commands_ignore_what_follows(word: str) -> None:
    assert parse_command(f"\t {word}  later \r\n") == Bare(word)


@pytest.mark.parametrize("line", ["", "  \t", "\r\n"])
def test_a_blank_line_is_no_command(line: str) -> None:
    assert parse_command(line) is None


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("setoption name Hash value 32", "Hash", "32"),
        ("setoption name  Move  Overhead value 250", "Move Overhead", "250"),
        ("setoption name Clear Hash", "Clear Hash", ""),
        ("setoption name WeightsFile value", "WeightsFile", ""),
        ("setoption name WeightsFile value ", "WeightsFile", ""),
        ("setoption name WeightsFile value C:\\a  b;c=1 value x", "WeightsFile", "C:\\a  b;c=1 value x"),
        ("setoption NAME x VALUE y", "x", "y"),
    ],
)
def test_setoption_splits_at_the_first_value_and_keeps_inner_spaces(line: str, name: str, value: str) -> None:
    assert parse_command(line) == SetOption(name, value)


def test_position_takes_a_start_and_moves() -> None:
    assert parse_command("position startpos") == Position(None, ())
    assert parse_command("position startpos moves e2e4 e7e5") == Position(None, ("e2e4", "e7e5"))
    assert parse_command("position fen 8/8 w - -  moves e2e4") == Position("8/8 w - -", ("e2e4",))


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("go", {}),
        ("go wtime 100", {"wtime_ms": 100}),
        (
            "go binc 4 winc 3 btime -2 wtime 1 movestogo 5",
            {"wtime_ms": 1, "btime_ms": -2, "winc_ms": 3, "binc_ms": 4, "movestogo": 5},
        ),
        ("go depth 6 nodes 7 mate 8 movetime 9", {"depth": 6, "nodes": 7, "mate": 8, "movetime_ms": 9}),
        ("go infinite", {"infinite": True}),
        ("go ponder searchmoves e2e4 d2d4 depth 3", {"ponder": True, "searchmoves": ("e2e4", "d2d4"), "depth": 3}),
        ("go searchmoves", {}),
        ("go perft 4", {"perft": 4}),
    ],
)  # fmt: skip
def test_go_takes_its_limits_in_any_order(line: str, fields: dict[str, Any]) -> None:
    assert parse_command(line) == Go(**fields)


@pytest.mark.parametrize("line", ["go depth", "go depth x", "go depth infinite", "go banana"])
def test_go_says_what_it_did_not_understand(line: str) -> None:
    command = parse_command(line)
    assert isinstance(command, Go) and len(command.problems) == 1
    assert command.depth is None
    assert command.infinite == ("infinite" in line)


@pytest.mark.parametrize("line", ["perft", "perft x", "go perft", "go perft -1", "perft 2.5"])
def test_a_count_without_a_depth_is_no_go(line: str) -> None:
    command = parse_command(line)
    assert isinstance(command, Invalid) and command.problem.startswith(
        "expected a depth of at least 0 for perft, got '"
    )
    assert isinstance(parse_command("perft 0"), Go)


def test_debug_is_switched() -> None:
    assert parse_command("debug on") == Debug(True)
    assert parse_command("debug off") == Debug(False)


@pytest.mark.parametrize(
    "line",
    ["debug", "debug maybe", "position", "position fen", "position startpos e2e4", "setoption",
     "setoption Hash 3", "setoption name", "setoption name value 3"],
)  # fmt: skip
def test_a_command_that_lacks_something_says_what_was_expected(line: str) -> None:
    command = parse_command(line)
    assert isinstance(command, Invalid) and command.known
    assert command.problem.startswith("expected ") and repr(line) in command.problem


@given(st.text(max_size=300))
def test_any_text_is_read_and_its_problem_is_one_ascii_line(text: str) -> None:
    command = parse_command(text)
    if isinstance(command, Invalid):
        assert command.problem.isascii() and command.problem.isprintable()
        assert len(command.problem) < 1000


@given(
    st.lists(
        st.sampled_from([*BARE_WORDS, "go", "position", "setoption", "debug", "name", "value", "fen",
                         "moves", "startpos", "searchmoves", "depth", "infinite", "-1", "9" * 5000, "e2e4"])
    )
)  # fmt: skip
def test_any_mixture_of_keywords_is_read(words: list[str]) -> None:
    parse_command(" ".join(words))
