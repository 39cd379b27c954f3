"""Files as people have them, one kind each, and what is in them: `tests/data/wild/NAME` and `NAME.expected`.

A line of what is expected is a start and the moves from it, `empty` for a game without moves, or the fault's beginning.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.files.file_kind import file_kind
from engine.files.pgn_games import PgnGame, read_games
from engine.files.position_lines import Position, read_positions
from engine.files.puzzle_lines import Puzzle, read_puzzles
from engine.files.skipped_entries import EmptyGame, EntryFault, Skipped

WILD = Path(__file__).parents[2] / "data" / "wild"
FILES = sorted(path for path in WILD.iterdir() if path.suffix != ".expected")


def entries(path: Path) -> Iterator[PgnGame | Position | Puzzle | Skipped]:
    kind = file_kind(path)
    if kind == "games":
        yield from read_games(path)
    elif kind == "positions":
        yield from read_positions(path)
    else:
        yield from read_puzzles(path)


def told(path: Path, entry: PgnGame | Position | Puzzle | Skipped) -> str:
    if isinstance(entry, EmptyGame):
        return "empty"
    if isinstance(entry, EntryFault):
        return f"fault: {str(entry).removeprefix(f'{path}, ')}"
    if isinstance(entry, Position):
        return entry.board.fen(en_passant="fen")
    start = entry.start.fen() if isinstance(entry, PgnGame) else entry.fen
    return f"{start}\t{' '.join(move.uci() for move in entry.moves)}".rstrip("\t")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_read_as_it_is_meant_or_refused_with_the_reason(path: Path) -> None:
    expected = path.with_name(f"{path.name}.expected").read_text().splitlines()
    found = [told(path, entry) for entry in entries(path)]
    assert len(found) == len(expected), found
    for one, other in zip(found, expected, strict=True):
        assert one.startswith(other) if other.startswith("fault: ") else one == other


def test_the_content_tells_what_a_file_without_a_telling_name_holds(tmp_path: Path) -> None:
    for path in FILES:
        if path.name not in ("text-before.pgn",):
            copy = tmp_path / "file.txt"
            copy.write_bytes(path.read_bytes())
            assert file_kind(copy) == file_kind(path), path
