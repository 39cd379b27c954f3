"""Text files in pieces: encodings, line ends at the borders of pieces, damage, standard input."""

import io
import lzma
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.files.skipped_entries import EmptyGame, EntryFault, SkippedEntries
from engine.files.text_file import FileError, decoded_blocks, on_disk, shown_name, text_lines


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_pieces_are_whole_lines_whatever_the_encoding(end: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"line {number} é" * (number % 3) for number in range(40)]
    content = end.join([*lines, ""]).encode(encoding)
    for size in (1, 2, 3, 7, 64, 1000):
        monkeypatch.setattr("engine.files.text_file._CHUNK_BYTES", size)
        blocks = list(decoded_blocks(io.BytesIO(content))) if size > 2 or encoding == "utf-8" else None
        assert blocks is None or "".join(blocks).split("\n")[:-1] == lines
        assert blocks is None or all(block.endswith("\n") for block in blocks)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pgn"
    for content, reason in (
        (b"1. e4\0\0 e5 *\n", "it is not text"),
        (b"\xff\xfe1", "it is not text"),
        (lzma.compress(b"1. e4 *\n" * 99)[:-9], "expected a readable file of games"),
        (b"\x1f\x8bnonsense", "expected a readable file of games"),
        (b"\x28\xb5\x2f\xfdnonsense", "expected a readable file of games"),
        (b"x" * ((1 << 24) + (1 << 19)), "it has a line of more than 16 MB"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileError, match=reason) as refusal:
            list(text_lines(path, "games"))
        assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)
    with pytest.raises(FileError, match="No such file"):
        list(text_lines(tmp_path / "absent.pgn", "games"))


def test_standard_input_is_read_and_can_be_read_again() -> None:
    code = """
from engine.files.text_file import on_disk, text_lines, shown_name, STANDARD_INPUT
with on_disk(STANDARD_INPUT) as path:
    print(list(text_lines(path, "x")), list(text_lines(path, "x")), shown_name(path))
"""
    packed = lzma.compress("é\r\nb".encode("utf-16"))
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout.decode().split("\n")[0] == "['é', 'b'] ['é', 'b'] standard input"


def test_a_pipe_is_read_and_can_be_read_again(tmp_path: Path) -> None:
    pipe = tmp_path / "games"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a\nb",))
    writer.start()
    with on_disk(pipe) as path:
        assert [*text_lines(path, "x"), *text_lines(path, "x")] == ["a", "b"] * 2 and shown_name(path) == "named pipe"
    writer.join()


def test_ten_faults_are_listed_and_all_are_counted() -> None:
    written: list[str] = []
    entries = [EntryFault("x", line, "", "wrong") if line % 2 else line for line in range(30)]
    skipped = SkippedEntries(write=written.append)
    assert list(skipped.usable([*entries, EmptyGame(31)])) == list(range(0, 30, 2))
    skipped.report()
    assert written[0] == "skipped x, line 1: wrong" and len(written) == 11
    assert written[-1] == "skipped 15 that could not be read and 1 without moves"
    with pytest.raises(FileError, match="x, line 1: wrong"):
        list(SkippedEntries(strict=True).usable(entries))
    assert SkippedEntries().summary() == ""
