"""The commands of `recursezero`, each a module whose `main(argv)` returns the exit status."""

import argparse
import ast
import importlib
import importlib.util
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Group → name → function. A module is imported only when its command is given, so none slows the others down.
GROUPS: dict[str, dict[str, str]] = {
    "play": {"bench": "engine.bench:main", "describe": "engine.describe:main"},
    "see": {
        "view": "engine.view.view_command:main",
        "explain": "engine.view.explain:main",
        "watch": "training.commands.watch:main",
    },
    "measure": {
        "match": "training.commands.match:main",
        "ladder": "training.commands.ladder:main",
        "puzzles": "training.commands.measure:puzzles",
        "regret": "training.commands.measure:regret",
        "conversion": "training.commands.measure:conversion",
        "random": "training.commands.measure:random",
    },
    "train": {
        "label": "training.commands.label:main",
        "label-endings": "training.commands.label_endings:main",
        "pack": "training.commands.pack:main",
        "distil": "training.commands.distil:main",
        "self-play": "training.commands.self_play:main",
        "export": "training.commands.export:main",
        "fit-model": "training.commands.fit_model:main",
    },
    "study": {
        "cores": "training.commands.cores:main",
        "throughput": "training.commands.throughput:main",
        "iterations": "training.commands.measure:iterations",
        "bench-training": "training.commands.bench_training:main",
        "learn-check": "training.commands.learn_check:main",
    },
}
COMMANDS: dict[str, str] = {name: place for group in GROUPS.values() for name, place in group.items()}


def run_command(name: str, argv: Sequence[str]) -> int:
    """Runs a command of the table with its arguments; returns the exit status."""
    module, _, function = COMMANDS[name].partition(":")
    return int(getattr(importlib.import_module(module), function)(argv))


def exit_status(
    name: str,
    work: Callable[[], int],
    mistakes: type[Exception] | tuple[type[Exception], ...],
    ends_by_interruption: bool = False,
) -> int:
    """Does a command's work; what hinders it becomes one line on standard error.

    Args:
      name: begins the line; the command's, or `error`.
      work: returns the exit status.
      mistakes: errors whose text is one line for the person asking; others are faults of the program and are raised.
      ends_by_interruption: the work goes on until it is interrupted from the keyboard, which then is its success.

    Returns:
      What the work returns, 2 after a mistake, 130 (0 if that is its success) after an interruption, or 141 when nobody
      reads the output any more.
    """
    try:
        status = work()
        sys.stdout.flush()
        return status
    except mistakes as error:
        if isinstance(error, BrokenPipeError) and not _has_reader():
            return 128 + signal.SIGPIPE
        print(f"{name}: {_reason(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if ends_by_interruption:
            return 0
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


def port_number(text: str) -> int:
    """Reads the number of a port, 0 for a free one, for argparse."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def command_summary() -> str:
    """Returns one line per command, group by group: its name and the first line of its documentation."""
    width = max(map(len, COMMANDS))
    lines = []
    for group, commands in GROUPS.items():
        lines += [f"{group}:", *(f"  {name:{width}}  {_first_line(place)}" for name, place in commands.items())]
    return "\n".join(lines)


def _first_line(place: str) -> str:
    """Returns what a command says about itself; its module is read, not imported."""
    module, _, function = place.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return "not installed"
    tree: ast.Module | ast.FunctionDef = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    if function != "main":
        tree = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    text = ast.get_docstring(tree) or ""
    return text.partition("\n")[0].partition("; returns")[0].rstrip(".")


def _has_reader() -> bool:
    """Returns whether somebody reads the standard output; if not, such as after `head`, nothing is written any more."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors are told without being asked for
    if not output.poll(0):
        return True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
    return False


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"expected a file or folder that can be used, got {error.filename}: {error.strerror}"
    return str(error)
