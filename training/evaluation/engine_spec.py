"""Which UCI engine is meant: its command, options and limit for each move."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.evaluation_error import EvaluationError

# Debian and Ubuntu install games outside the PATH of many accounts.
_DEBIAN_STOCKFISH = "/usr/games/stockfish"


@dataclass(frozen=True, kw_only=True)
class MoveLimit:
    """What `go` is given for each move; exactly one of the three.

    Attributes:
      nodes: `go nodes`.
      depth: `go depth`.
      movetime_ms: `go movetime`.
      overrun_ms: an answer this much later than `movetime_ms` loses on time.
      hang_s: any answer later than this loses on time and ends the process.
    """

    nodes: int | None = None
    depth: int | None = None
    movetime_ms: int | None = None
    overrun_ms: int = 1000
    hang_s: float = 120.0

    def __post_init__(self) -> None:
        given = [n for n in (self.nodes, self.depth, self.movetime_ms) if n is not None]
        if len(given) != 1 or given[0] < 1:
            raise EvaluationError(f"expected one of nodes, depth, movetime_ms for a move limit, at least 1, got {self}")

    def __str__(self) -> str:
        if self.movetime_ms is not None:
            return f"movetime {self.movetime_ms}"
        return f"nodes {self.nodes}" if self.nodes is not None else f"depth {self.depth}"


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """An engine as a measurement uses it.

    Attributes:
      command: program and arguments.
      options: UCI options by name, as text.
      limit: what each move may cost.
    """

    command: tuple[str, ...]
    options: Mapping[str, str]
    limit: MoveLimit


def own_engine_command(weights_folder: Path | None = None) -> tuple[str, ...]:
    """Returns the command that starts this project's engine with this interpreter.

    Args:
      weights_folder: given as `--weights`; by default the engine's own choice.
    """
    # `uci_main` stands beside the package `training`, in a checkout and when installed.
    program = Path(__file__).resolve().parents[2] / "uci_main.py"
    weights = () if weights_folder is None else ("--weights", str(weights_folder))
    return (sys.executable, str(program), *weights)


def stockfish_command() -> tuple[str, ...]:
    """Returns the command of the Stockfish on PATH, or of Debian's.

    Raises:
      EvaluationError: there is none.
    """
    found = shutil.which("stockfish") or shutil.which(_DEBIAN_STOCKFISH)
    if found is None:
        raise EvaluationError(
            f"expected stockfish on PATH or as {_DEBIAN_STOCKFISH}, got none "
            "(install it, or name an engine with --opponent)"
        )
    return (found,)


def parse_options(settings: Sequence[str]) -> dict[str, str]:
    """Reads UCI options written `Name=Value`; later ones win.

    Raises:
      EvaluationError: a setting has no name or no equals sign.
    """
    options = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name.strip() or not equals:
            raise EvaluationError(f"expected a UCI option as Name=Value, got {setting!r}")
        options[name.strip()] = value.strip()
    return options
