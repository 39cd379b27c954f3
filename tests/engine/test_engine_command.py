"""Command lines of engines: this program's own, and those that people write on each system."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_command import join_words, own_engine_command, split_words

ROOT = Path(__file__).resolve().parents[2]


def test_the_own_engine_is_this_checkout(tmp_path: Path) -> None:
    assert own_engine_command() == (sys.executable, str(ROOT / "uci_main.py"))
    assert own_engine_command(tmp_path)[2:] == ("--weights", str(tmp_path))


def test_an_executable_starts_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_engine_command() == (sys.executable,)
    assert own_engine_command(tmp_path) == (sys.executable, "--weights", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"C:\chess\sf.exe --threads 1", (r"C:\chess\sf.exe", "--threads", "1")),
        (r'"C:\Program Files\sf.exe" -w="D:\a b\net"', (r"C:\Program Files\sf.exe", r"-w=D:\a b\net")),
        (r'a "" b', ("a", "", "b")),
        (r'"a\"b" c\\"d e"', ('a"b', r"c\d e")),
        (r'"D:\nets\\" x', ("D:\\nets\\", "x")),
        ("it's one", ("it's", "one")),
        ("  ", ()),
    ],
)
def test_windows_has_its_own_rules(text: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert split_words(text) == words


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_an_open_quote_is_refused(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ValueError, match="No closing quotation"):
        split_words('"engine')


@given(st.lists(st.text("ab\\\" 'é", max_size=6), max_size=4))
def test_what_is_joined_is_split_again(words: list[str]) -> None:
    assert split_words(join_words(words)) == tuple(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        assert join_words(words) == subprocess.list2cmdline(words)
        assert split_words(join_words(words)) == tuple(words)
