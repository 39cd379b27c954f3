"""What is cut off a file that a killed process was writing."""

from pathlib import Path

import pytest

from training.runs.unfinished_line import drop_unfinished_line


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"torn", b""),
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"one\ntwo", b"one\n"),
        (b"one\r\ntwo\r\n", b"one\r\ntwo\r\n"),
        (b"one\r\n\xc3\xa4\r\ntorn", b"one\r\n\xc3\xa4\r\n"),
    ],
)
def test_whole_lines_stay_as_they_are(content: bytes, kept: bytes, tmp_path: Path) -> None:
    path = tmp_path / "grows.jsonl"
    path.write_bytes(content)
    drop_unfinished_line(path)
    assert path.read_bytes() == kept
