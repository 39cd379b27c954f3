"""The table of commands and what runs them: names, help, mistakes in one form, missing packages."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.command_line import (
    COMMANDS,
    NothingDoneError,
    command_list,
    exit_status,
    find_command,
    print_written,
    run_command,
)
from tests.test_layout import imports, module_name, product_files

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = ROOT / "uci_main.py"
# What `pip install recursezero` does not install.
_EXTRAS = ("optax", "pgx", "aqt", "tensorboardX", "mctx")
# Makes a process as if they were not installed.
_WITHOUT_EXTRAS = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""
# Prints every command's help, and what was loaded and used for it.
_ALL_HELPS = f"""{_WITHOUT_EXTRAS}
import contextlib, io, json, time
from engine.command_line import NothingDoneError, COMMANDS, run_command
helps = {{}}
started_s = time.process_time()
for name in COMMANDS:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert run_command(name, ["--help"]) == 0
    helps[name] = text.getvalue()
heavy = sorted({{"jax", "flax", "chex", "orbax", "rich", "scipy"}} & set(sys.modules))
print(json.dumps([helps, time.process_time() - started_s, heavy]))
"""


@pytest.fixture(scope="module")
def all_helps() -> tuple[dict[str, str], float, list[str]]:
    environment = {"COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _ALL_HELPS], capture_output=True, text=True, check=True, env=environment
    )
    helps, seconds, heavy = json.loads(done.stdout)
    return helps, seconds, heavy


def test_help_is_instant_and_needs_no_extra(all_helps: tuple[dict[str, str], float, list[str]]) -> None:
    helps, seconds, heavy = all_helps
    assert list(helps) == list(COMMANDS)
    assert heavy == [] and seconds < 3  # of all commands together


def test_a_missing_extra_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    arguments = ["distil", "--run", str(tmp_path / "run"), "--minutes", "1", "--source", "packed:1"]
    done = without_extras("import sys, uci_main\nsys.exit(uci_main.main(sys.argv[1:]))", *arguments)
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(
        r"recursezero distil: expected the packages of recursezero\[train\], got no \w+ "
        r'\(to install them: pip install "recursezero\[train\]"\)\n',
        done.stderr,
    )


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not command.extra])
def test_only_commands_that_say_so_need_an_extra(name: str) -> None:
    """Follows all imports, those in functions too; AQT makes int8 products in training alone."""
    modules = {module_name(path): path for path in product_files()}
    pending, seen, extras = [COMMANDS[name].place.partition(":")[0]], set(), set()
    while pending:
        module = pending.pop()
        if module in seen or module not in modules:
            continue
        seen.add(module)
        for imported in imports(modules[module]):
            if imported.split(".")[0] in _EXTRAS and module != "engine.network.int8":
                extras.add((module, imported))
            pending.append(imported)
    assert len(seen) > 5 and extras == set()


@pytest.mark.slow
def test_the_engine_plays_and_is_measured_without_extras() -> None:
    puzzles = ROOT / "tests" / "data" / "puzzles.csv"
    for arguments in (["bench", "--rounds", "1"], ["puzzles", "--in-process", "--puzzles", str(puzzles)]):
        done = without_extras("import sys, uci_main\nsys.exit(uci_main.main(sys.argv[1:]))", *arguments)
        assert done.returncode == 0, done.stderr


def without_extras(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", _WITHOUT_EXTRAS + code, *arguments]
    return subprocess.run(program, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_begins_with_the_summary_and_ends_with_an_example(
    name: str, all_helps: tuple[dict[str, str], float, list[str]]
) -> None:
    text = all_helps[0][name]
    paragraphs = text.split("\n\n")
    assert text.startswith(f"usage: recursezero {name} ") and paragraphs[1] == f"{COMMANDS[name].summary}."
    assert re.match(rf"example:\n  recursezero {name}\b", paragraphs[-1])


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "cores"])
def test_an_example_has_only_options_that_there_are(
    name: str, all_helps: tuple[dict[str, str], float, list[str]]
) -> None:
    options, _, example = all_helps[0][name].partition("example:")
    assert set(re.findall(r"--[a-z0-9-]+", example)) <= {*re.findall(r"--[a-z0-9-]+", options), "--training"}


def test_options_have_the_same_words_everywhere(all_helps: tuple[dict[str, str], float, list[str]]) -> None:
    helps: dict[str, set[str]] = {}
    for text in all_helps[0].values():
        for option, words in re.findall(r"^  (--[a-z-]+ ?\S*)\s+(.*(?:\n {10,}.*)*)", text, re.MULTILINE):
            helps.setdefault(option.strip(), set()).add(" ".join(words.split()))
    shared = ("--json FILE", "--seed N", "--clock {wall,cpu}", "--port N", "--run DIR", "--concurrency N")
    for option in shared:
        assert len(helps[option]) == 1 or option == "--run DIR", helps[option]


def test_the_list_has_every_command_in_one_short_line() -> None:
    lines = [line for line in command_list().splitlines() if line.startswith(" ")]
    assert [line.strip().split("  ")[0] for line in lines] == list(COMMANDS)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_a_short_sentence_with_a_verb(name: str) -> None:
    summary = COMMANDS[name].summary
    assert summary[0].isupper() and not summary.endswith(".") and "`" not in summary
    assert not summary.split()[0].endswith("s")  # an imperative


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["bench", "--rounds", "2"], ("bench", ["--rounds", "2"])),
        (["bench", "--rounds", "2", "--training"], ("bench --training", ["--rounds", "2"])),
        (["--weights", "bench"], None),
        ([], None),
    ],
)
def test_a_command_is_found_by_its_words(words: list[str], found: tuple[str, list[str]] | None) -> None:
    assert find_command(words) == found


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--rounds", "0"], "expected a number of at least 1 for --rounds, got 0"),
        (["--rounds"], "expected a value for --rounds, got none"),
        (["--polka"], "expected options that --help lists, got --polka"),
        (["--weights", "absent"], "expected a network's folder with network.json, got absent"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("bench", arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"recursezero bench: {line}") and printed.err.count("\n") == 1 and not printed.out


def test_help_tells_the_commands_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(_PROGRAM), "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)


def test_an_unknown_command_is_one_line_on_standard_error(tmp_path: Path) -> None:
    command = [sys.executable, str(_PROGRAM), "polka"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("recursezero: ") and line.endswith(f"got 'polka' (allowed: {', '.join(COMMANDS)})")


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ValueError("expected a, got b"), 2, "name: expected a, got b\n"),
        (ValueError("expected a,\n got b"), 2, "name: expected a, got b\n"),
        (OSError(2, "None", "a"), 2, "name: expected a file or folder that can be used, got a: None\n"),
        (NothingDoneError("expected a, got none"), 1, "name: expected a, got none\n"),
        (KeyboardInterrupt(), 130, "name: interrupted\n"),
        (KeyboardInterrupt("after 3 games"), 130, "name: interrupted, after 3 games\n"),
        (
            ModuleNotFoundError("", name="optax.losses"),
            2,
            "name: expected the packages of recursezero[train], got no optax "
            '(to install them: pip install "recursezero[train]")\n',
        ),
        (SystemExit(2), 2, ""),
    ],
)
def test_what_hinders_a_command_is_one_line(
    error: BaseException, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert exit_status("name", work, "train") == status and capsys.readouterr().err == text


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(28, "No space left on device"), "nets/mine: No space left on device"),
        (PermissionError(13, "Permission denied", "nets/.mine.lock"), "nets/mine: Permission denied"),
        (OSError(28, "No space left on device", "nets/.mine.partial/a"), "nets/mine: No space left on device"),
        (PermissionError(13, "Permission denied", "other"), "other: Permission denied"),
    ],
)
def test_an_error_of_the_disk_names_the_output_that_the_user_gave(
    error: OSError, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("training.commands.export._export", fail)
    assert run_command("export", ["--run", "runs/mine", "--out", "nets/mine"]) == 2
    wanted = f"recursezero export: expected a file or folder that can be used, got {shown}\n"
    assert capsys.readouterr().err == wanted


def test_an_executable_says_which_commands_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert run_command("distil", ["--help"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith('got one that needs more (to have it: pip install "recursezero[train]")')


def test_a_module_of_this_project_that_is_missing_is_a_fault() -> None:
    def work() -> int:
        raise ModuleNotFoundError("No module named 'engine.nothing'", name="engine.nothing")

    with pytest.raises(ModuleNotFoundError):
        exit_status("name", work, "train")


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    command = f"{sys.executable} {_PROGRAM} describe | head -1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert result.returncode in (0, 141) and (result.stdout, result.stderr) == ("network\n", "")
    with subprocess.Popen([sys.executable, _PROGRAM, "describe"], stdout=-1, stderr=-1, text=True) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == "" and program.wait() == 141


def test_a_long_output_that_nobody_reads_is_no_fault() -> None:
    code = (
        "from engine.command_line import exit_status\nimport sys\n"
        "sys.exit(exit_status('name', lambda: print('x' * 10**6) or 0))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True, cwd=ROOT) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == "" and program.wait() == 141


def test_a_pipe_that_breaks_elsewhere_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError(32, "Broken pipe")

    assert exit_status("name", work) == 2 and "Broken pipe" in capfd.readouterr().err


def test_what_a_command_returns_is_its_status_and_its_faults_are_raised() -> None:
    assert exit_status("name", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        exit_status("name", lambda: 1 // 0)


def test_the_last_line_says_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    print_written(Path("a.pgn"), None, Path("b.json"))
    print_written(None, note="nothing")
    print_written(Path("net"), note="0.1 MB")
    assert capsys.readouterr().err == "wrote a.pgn, b.json\nwrote net (0.1 MB)\n"
