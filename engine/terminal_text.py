"""Lets commands print on terminals that cannot show every character: similar ones of ASCII stand for the others."""

import codecs
import io
import sys

_HANDLER = "recursezero-ascii"
_SIMILAR = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-~=+*#", strict=True)),  # bars of growing height
    **dict(zip("░▒▓", ".:*", strict=True)),  # growing shades; the darkest is a bar, too
    **{"±": "+-", "½": "1/2", "…": "...", "–": "-", "−": "-", "→": "->", "·": ".", "×": "x", "‖": "||"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"'},
}


def allow_any_terminal() -> None:
    """Makes standard output and standard error write similar characters for those they cannot show."""
    codecs.register_error(_HANDLER, _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _similar(error: UnicodeError) -> tuple[str, int]:
    """Returns what stands for the characters of an error of encoding, and where to go on."""
    assert isinstance(error, UnicodeEncodeError)
    characters = error.object[error.start : error.end]
    return "".join(_SIMILAR.get(character, "?") for character in characters), error.end
