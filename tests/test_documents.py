"""The documents: short enough, their links lead somewhere, and the commands in them exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.command_line import COMMANDS, run_command

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "weights").rglob("*.md")])
SOURCES = [ROOT / name for name in ("engine", "training", "tests", "docs", "weights")]
# File → its most lines and columns.
CAPS = {"README.md": (180, 100), "docs/architecture.md": (200, 100), "weights/wide/CARD.md": (40, 120)}
MEASUREMENTS = ROOT / "docs" / "measurements.md"
MAX_ENTRY_LINES, MAX_ENTRY_COLUMNS = 8, 120
COMMAND = re.compile(r"(?:^|[/ ])recursezero ([a-z][a-z-]*)(?![\w=-])", re.MULTILINE)
# An engine's name after another's, as in `recursezero match recursezero stockfish`.
ENGINES = {"recursezero", "stockfish"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def headings(path: Path) -> set[str]:
    """Returns the anchors of a document's headings, as GitHub makes them."""
    lines = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines()
    titles = [line.lstrip("#").strip().lower() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def code(text: str) -> Iterator[str]:
    """Yields the blocks and spans of code, each block without its continued lines."""
    yield from (block.replace("\\\n", " ") for block in re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


@pytest.mark.parametrize("name", CAPS)
def test_a_document_keeps_to_its_length_and_width(name: str) -> None:
    path = ROOT / name
    lines = path.read_text(encoding="utf-8").splitlines()
    most_lines, most_columns = CAPS[name]
    assert len(lines) <= most_lines
    assert not [line for line in lines if len(line) > most_columns]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    faults = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = path.parent / place if place else path
        if not target.exists() or (anchor and anchor not in headings(target)):
            faults.append(link)
    assert not faults


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_files_named_in_documents_exist(path: Path) -> None:
    names = re.findall(r"`([\w./-]+\.(?:py|md|svg|cfg|txt))`", path.read_text(encoding="utf-8"))
    known = {relative(file) for folder in SOURCES for file in folder.rglob("*")} | {
        file.name for file in ROOT.iterdir()
    }
    assert not [name for name in names if not any(f"/{file}".endswith(f"/{name}") for file in known)]


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=relative)
def test_commands_in_documents_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "python -m training" not in text and "training.commands." not in text
    named = {match for piece in code(text) for match in COMMAND.findall(piece)}
    assert named - ENGINES <= set(COMMANDS)


def test_entries_of_measurements_are_short_and_their_topics_in_the_index() -> None:
    index, *topics = re.split(r"^## ", MEASUREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = [topic.partition("\n")[0] for topic in topics]
    assert [title for title in titles if f"[{title}]" not in index] == ["How to read an entry"]
    faults = []
    for entry in (entry for topic in topics for entry in topic.split("\n### ")[1:]):
        title, *lines = entry.splitlines()
        prose = [line for line in lines if line and not line.startswith("|")]
        if len(prose) > MAX_ENTRY_LINES or any(len(line) > MAX_ENTRY_COLUMNS for line in (title, *prose)):
            faults.append(title)
    assert not faults


def test_options_of_commands_in_documents_exist(capsys: pytest.CaptureFixture[str]) -> None:
    faults = []
    for path in DOCUMENTS:
        for line in "\n".join(code(path.read_text(encoding="utf-8"))).splitlines():
            words = line.partition("#")[0].partition("recursezero ")[2].split()
            if not words or words[0] not in COMMANDS:
                continue
            help_text = help_of(words, capsys)
            faults += [f"{relative(path)}: {line}: {word}" for word in words if is_unknown(word, help_text)]
    assert not faults, "\n".join(faults)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source distribution has no repository")
def test_outputs_of_commands_in_documents_are_ignored_by_git() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS if path.name != "measurements.md"]
    lines = [line for text in texts for piece in code(text) for line in piece.splitlines() if "recursezero " in line]
    outputs = {
        name for line in lines for name in re.findall(r"(?:--out|--run|--pgn|--json|--plot|-o)[ =]([\w./-]+)", line)
    }
    named = sorted(name for name in outputs if not name.isupper() and not name.startswith("/"))
    assert len(named) > 5
    listed = subprocess.run(
        ["git", "check-ignore", "--no-index", *named], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert sorted(listed.stdout.splitlines()) == named


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Returns what a command, or its subcommand if it has some, says about its options."""
    name, *rest = words
    if f"{name} --training" in COMMANDS and "--training" in rest:
        name = f"{name} --training"
    subcommand = rest[:1] if name == "cores" else []
    assert run_command(name, [*subcommand, "--help"]) == 0
    return capsys.readouterr().out


def is_unknown(word: str, help_text: str) -> bool:
    option = re.match(r"--[\w-]+", word)
    return option is not None and not re.search(rf"{option.group()}\b", help_text)


def test_the_map_of_the_architecture_has_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [
        relative(init.parent) for name in ("engine", "training") for init in (ROOT / name).glob("*/__init__.py")
    ]
    assert len(packages) > 10 and not [name for name in packages if f"| `{name}` |" not in text]
