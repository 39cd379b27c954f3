"""One writer at a time, between processes and through a command; whole lines and whole texts after a kill."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.command_line import run_command
from training.runs.durable_files import AlreadyWrittenError, drop_unfinished_line, replace_text, sole_writer

_HOLDS = """
import sys
from pathlib import Path
from training.runs.durable_files import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_was_killed(tmp_path: Path) -> None:
    written = tmp_path / "games.jsonl"
    command = [sys.executable, "-c", _HOLDS, str(written)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "holds\n"
        with (
            pytest.raises(AlreadyWrittenError, match=r"games\.jsonl, got one that is writing it already"),
            sole_writer(written),
        ):
            pass
        first.kill()
    with sole_writer(written):
        pass


def test_it_is_given_up_at_the_end_and_after_an_error(tmp_path: Path) -> None:
    written = tmp_path / "run"
    with pytest.raises(KeyError), sole_writer(written), sole_writer(tmp_path / "another"):
        raise KeyError
    with sole_writer(written):
        pass


def test_nothing_is_claimed_where_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with sole_writer(None), sole_writer(None), sole_writer(tmp_path / "absent" / "games.jsonl"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_command_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "mine"
    with sole_writer(run):
        status = run_command("distil", ["--run", str(run), "--preset", "tiny", "--minutes", "1", "--source", "x:1"])
    assert status == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected to be the only process that writes" in line
    assert not run.exists()


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


def test_a_text_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    replace_text(path, "old")

    def killed(_partial: Path, _text: str, **_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "write_text", killed)
        replace_text(path, "new")
    assert path.read_text() == "old"
    replace_text(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("platform", "is_replaced"), [("win32", True), ("linux", False)])
def test_windows_waits_for_a_reader(
    platform: str, is_replaced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, really_replace, tries = tmp_path / "clock.json", os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise PermissionError(13, "Access is denied")
        really_replace(source, target)

    monkeypatch.setattr("os.replace", replace)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("training.runs.durable_files._PAUSE_S", 0)
    with contextlib.nullcontext() if is_replaced else pytest.raises(PermissionError):
        replace_text(path, "new")
    assert path.exists() == is_replaced
