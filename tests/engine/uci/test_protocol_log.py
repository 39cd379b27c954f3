import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.talk import Talk

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk()
    yield talk
    talk.say("setoption name LogFile value <empty>")


def _log(talk: Talk, path: Path) -> None:
    assert talk.say(f"setoption name LogFile value {path}") == []


def test_every_line_is_written_through_with_its_time(talk: Talk, tmp_path: Path) -> None:
    path = tmp_path / "a log.txt"
    _log(talk, path)
    talk.say("isready", "position startpos moves e2e4", "go")
    lines = path.read_text().splitlines()
    assert all(re.fullmatch(f"{_STAMP} [<>] .+", line) for line in lines)
    texts = [line.split(" ", 1)[1] for line in lines]
    assert texts[0] == "> isready" and "< readyok" in texts and texts[-1] == "< bestmove e7e5"
    assert "> position startpos moves e2e4" in texts


def test_a_log_is_continued_and_can_be_ended(talk: Talk, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("before\n")
    _log(talk, path)
    talk.say("uci", "setoption name LogFile value <empty>")
    size = path.stat().st_size
    talk.say("uci")
    assert path.read_text().startswith("before\n") and path.stat().st_size == size
    other = tmp_path / "other.txt"
    _log(talk, path)
    _log(talk, other)
    talk.say("isready")
    assert "readyok" in other.read_text() and "readyok" not in path.read_text()


def test_text_that_is_none_is_logged(talk: Talk, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    _log(talk, path)
    talk.say("\udcff\x07 \u2654\r\n")
    assert "\\udcff\x07 \u2654\n" in path.read_text()


@pytest.mark.parametrize("name", [".", "none/log.txt", "x" * 300])
def test_a_file_that_cannot_be_written_is_one_line_and_keeps_the_last_log(
    talk: Talk, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "log.txt"
    _log(talk, path)
    lines = talk.say(f"setoption name LogFile value {tmp_path / name}")
    assert len(lines) == 1 and lines[0].startswith("info string error: expected a file that can be written for LogFile")
    talk.say("isready")
    assert "< readyok" in path.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_ends_the_log_and_not_the_game(talk: Talk) -> None:
    _log(talk, Path("/dev/full"))
    assert talk.say("go")[-1] == "bestmove e2e4" and talk.say("isready") == ["readyok"]
