import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.uci.protocol_log import ProtocolLog
from engine.uci.protocol_streams import ProtocolOutput, bounded_lines
from engine.uci.worker import Worker


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


def test_work_that_nobody_wants_is_not_waited_for() -> None:
    worker, end = Worker(), threading.Event()

    def wait() -> None:
        end.wait(5.0)

    worker.submit(wait)
    started_s = time.monotonic()
    worker.finish(lambda: time.monotonic() - started_s > 0.1)
    assert worker.busy and time.monotonic() - started_s < 1.0
    end.set()
    worker.finish(lambda: False)
    assert not worker.busy
