"""The commands of `recursezero`, each a module whose `main(argv)` returns the exit status."""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Name → module. A module is imported only when its command is given, so none slows the others down.
COMMANDS: dict[str, str] = {
    "bench": "engine.bench",
    "describe": "engine.describe",
    "view": "engine.view.view_command",
    "explain": "engine.view.explain",
    "watch": "training.watch_command",
    "match": "training.match",
    "ladder": "training.ladder",
    "puzzles": "training.solve_puzzles",
}


def run_command(name: str, argv: Sequence[str]) -> int:
    """Runs a command of the table with its arguments; returns the exit status."""
    return int(importlib.import_module(COMMANDS[name]).main(argv))


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
      What the work returns, 2 after a mistake, or 130 (0 if that is its success) after an interruption.
    """
    try:
        return work()
    except mistakes as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if ends_by_interruption:
            return 0
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


def command_summary() -> str:
    """Returns one line per command: its name and the first line of its module's documentation."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"  {name:{width}}  {_first_line(module)}" for name, module in COMMANDS.items())


def _first_line(module: str) -> str:
    """Returns what a module says about itself; it is read, not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return "not installed"
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")
