import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.uci.protocol_streams import ProtocolLog, ProtocolOutput, bounded_lines
from tests.doubles.talk import Talk


@pytest.fixture
def pipe() -> Iterator[tuple[int, ProtocolOutput]]:
    """The reading end of a pipe, and the output that writes to it."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    yield reading, ProtocolOutput(stream)
    for end in (lambda: os.close(reading), stream.close):
        with contextlib.suppress(OSError):  # closed by the test, or broken by it
            end()


def test_a_reader_that_is_gone_is_noticed_without_writing(pipe: tuple[int, ProtocolOutput]) -> None:
    reading, output = pipe
    assert not output.is_abandoned()
    output.write("readyok")
    assert not output.is_abandoned()
    os.close(reading)
    assert output.is_abandoned()
    output.write("readyok")
    assert output.closed and output.is_abandoned()


def test_a_stream_without_a_file_is_never_abandoned() -> None:
    assert not ProtocolOutput(io.StringIO()).is_abandoned()


def test_lines_come_whole_and_endless_ones_are_cut() -> None:
    stream = io.BytesIO(b"uci\n" + b"x" * (2**21 + 5) + b"\nisready\nquit")
    lines = list(bounded_lines(stream))
    assert [line[:7] for line in lines] == ["uci\n", "xxxxxxx", "isready", "quit"]
    assert max(map(len, lines)) == 2**20


def test_text_comes_from_utf_8_and_from_latin_1() -> None:
    stream = io.BytesIO(b"\xef\xbb\xbfuci\r\n" + "Bücher\n".encode() + "Bücher\n".encode("latin-1") + b"\xff\xfe\x00")
    assert list(bounded_lines(stream)) == ["uci\r\n", "Bücher\n", "Bücher\n", "\xff\xfe\x00"]


def test_an_aside_is_for_standard_error_and_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    output = ProtocolOutput(stream)
    output.set_log(ProtocolLog(tmp_path / "log"))
    output.write_aside("no such\noption")
    output.set_log(None)
    assert not stream.getvalue() and capsys.readouterr().err == "no such option\n"
    assert (tmp_path / "log").read_text().endswith(" # no such option\n")


def test_an_input_that_fails_is_at_its_end() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    stream = os.fdopen(reading, "rb")
    os.close(reading)  # what is left is a stream whose every use fails
    assert list(bounded_lines(stream)) == []
    with contextlib.suppress(OSError):
        stream.close()


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
