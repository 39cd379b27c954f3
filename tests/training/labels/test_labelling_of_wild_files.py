"""Labelling files of which some games cannot be read: what is skipped, listed, and never paid for."""

import io
import lzma
from pathlib import Path

import pytest

from engine.command_line import run_command
from tests.doubles.scripted_teacher import write_teacher
from training.labels.label_formats import read_labels

BAD = '[Event "bad"]\n[Variant "Atomic"]\n\n1. Nf3 f6 *\n\n[Event "bad"]\n\n1. e4 Zz9 *\n\n[Event "x"]\n\n0-1\n\n'
GOOD = '[Event "good"]\n\n1. e4$1 e5$6 *\n'


class _Input:
    """Standard input that holds bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    searches = ["--depth", "1", "--best-nodes", "0", "--source", "files"]
    return ["--engine", write_teacher(tmp_path), "--out", str(tmp_path / "labels.tsv"), *searches, "--in"]


def test_the_rest_of_a_file_is_labelled_and_what_is_skipped_is_listed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Input(lzma.compress(b"\xef\xbb\xbf" + (BAD + GOOD).encode())))
    assert run_command("label", [*arguments, "-"]) == 0
    said = capsys.readouterr().err
    assert "skipped standard input, line 2, game 1: expected chess or Chess960, got Atomic" in said
    assert "skipped standard input, line 8, game 2: expected legal moves, got Zz9" in said
    assert "skipped 2 that could not be read and 1 without moves" in said
    labelled = list(read_labels(tmp_path / "labels.tsv", "all"))
    assert [position.group for position in labelled] == ["1.@standard input.4"] * 3
    packed = ["--format", "all", "--in", str(tmp_path / "labels.tsv"), "--out", str(tmp_path / "set")]
    assert run_command("pack", [*packed, "--processes", "1"]) == 0
    assert "0 unreadable" in capsys.readouterr().out


def test_strict_stops_at_the_first(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = tmp_path / "games.pgn"
    games.write_text(BAD + GOOD)
    assert run_command("label", [*arguments, str(games), "--strict"]) == 2
    said = capsys.readouterr().err
    assert f"label: {games}, line 2, game 1: expected chess or Chess960, got Atomic" in said and "Zz9" not in said
    assert not (tmp_path / "labels.tsv").read_text()


def test_a_run_that_adds_nothing_says_so(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    games = tmp_path / "games.pgn"
    games.write_text(BAD)
    assert run_command("label", [*arguments, str(games)]) == 1
    assert "added nothing to" in capsys.readouterr().err


def test_openings_that_cannot_be_read_are_skipped_or_end_the_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.evaluation.match.opening_choice import OpeningChoice, choose_openings

    games = tmp_path / "games.pgn"
    games.write_text(BAD + GOOD)
    openings, described = choose_openings(OpeningChoice(file=games), 4)
    assert described["book_openings"] == 1 and [len(opening.moves) for opening in openings] == [2, 2]
    assert capsys.readouterr().err.count("skipped ") == 3
    with pytest.raises(ValueError, match="line 2, game 1: expected chess or Chess960, got Atomic"):
        choose_openings(OpeningChoice(file=games, strict=True), 4)
