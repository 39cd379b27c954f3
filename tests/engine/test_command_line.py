import argparse
import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from engine.command_line import COMMANDS, command_summary, exit_status, port_number, run_command

_PROGRAM = Path(__file__).resolve().parents[2] / "uci_main.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_with_a_main_and_a_description(name: str) -> None:
    module, _, function = COMMANDS[name].partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    assert any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)
    assert ast.get_docstring(tree)


def test_the_summary_names_all_commands() -> None:
    lines = [line for line in command_summary().splitlines() if line.startswith(" ")]
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(len(line.split()) > 2 for line in lines)


def test_a_command_gets_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_command("bench", ["--rounds", "0"])
    assert end.value.code == 2 and "expected at least 1 for --rounds" in capsys.readouterr().err


def test_help_tells_the_commands_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(_PROGRAM), "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)


def test_an_unknown_command_is_one_line_on_standard_error(tmp_path: Path) -> None:
    command = [sys.executable, str(_PROGRAM), "polka"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2 and not result.stdout and "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].endswith(f"got 'polka' (allowed: {', '.join(COMMANDS)})")


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ValueError("expected a, got b"), 2, "name: expected a, got b\n"),
        (OSError(2, "None", "a"), 2, "name: expected a file or folder that can be used, got a: None\n"),
        (KeyboardInterrupt(), 130, "name: interrupted\n"),
    ],
)
def test_what_hinders_a_command_is_one_line(
    error: BaseException, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert exit_status("name", work, (ValueError, OSError)) == status and capsys.readouterr().err == text


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    command = f"{sys.executable} {_PROGRAM} describe | head -1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert result.returncode in (0, 141) and (result.stdout, result.stderr) == ("network\n", "")
    with subprocess.Popen([sys.executable, _PROGRAM, "describe"], stdout=-1, stderr=-1, text=True) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == "" and program.wait() == 141


def test_a_pipe_that_breaks_elsewhere_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError(32, "Broken pipe")

    assert exit_status("name", work, OSError) == 2 and "Broken pipe" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["-1", "65536", "http", ""])
def test_what_is_no_port_is_refused(text: str) -> None:
    assert port_number("0") == 0 and port_number("65535") == 65535
    with pytest.raises(argparse.ArgumentTypeError, match="^expected a port from 0 to 65535, got '"):
        port_number(text)


def test_what_a_command_returns_is_its_status_and_its_faults_are_raised() -> None:
    assert exit_status("name", lambda: 7, ValueError) == 7
    with pytest.raises(ZeroDivisionError):
        exit_status("name", lambda: 1 // 0, ValueError)
