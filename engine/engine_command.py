"""Command lines that start engines: this program's own, and those that people write, read by the system's rules."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

# Of a command line on Windows: a quote with the backslashes before it, space, anything else.
_WINDOWS_PART = re.compile(r'(\\*)(")|([ \t]+)|([^ \t"\\]+|\\+)')


def is_executable() -> bool:
    """Returns whether this program is an executable of its own, made by `make binary`."""
    return bool(getattr(sys, "frozen", False))


def own_engine_command(weights: Path | None = None) -> tuple[str, ...]:
    """Returns the command that starts this program's engine.

    Args:
      weights: folder of the network, given as `--weights`; None for the engine's own choice.
    """
    # `uci_main` stands beside the package `engine`, in a checkout and when installed.
    script = () if is_executable() else (str(Path(__file__).resolve().parents[1] / "uci_main.py"),)
    return (sys.executable, *script, *(() if weights is None else ("--weights", str(weights))))


def split_words(text: str) -> tuple[str, ...]:
    r"""Splits a command line as a shell does, on Windows as its programs do, where `\` separates folders.

    Raises:
      ValueError: a quote is open.
    """
    return tuple(_windows_words(text) if sys.platform == "win32" else shlex.split(text))


def join_words(words: Sequence[str]) -> str:
    """Returns a command line that `split_words` splits into these words."""
    if sys.platform == "win32":
        from subprocess import list2cmdline

        return list2cmdline(words)
    return shlex.join(words)


def _windows_words(text: str) -> list[str]:
    """Splits by the rules of Microsoft's C runtime: `\"` is a quote, two backslashes before a quote are one."""
    words: list[str] = []
    word: str | None = None
    is_quoted = False
    for backslashes, quote, space, other in _WINDOWS_PART.findall(text):
        if quote:
            word = (word or "") + "\\" * (len(backslashes) // 2)
            if len(backslashes) % 2:
                word += '"'
            else:
                is_quoted = not is_quoted
        elif space and not is_quoted:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + space + other
    if is_quoted:
        raise ValueError("No closing quotation")
    return words if word is None else [*words, word]
