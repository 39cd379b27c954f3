"""Arguments of commands that start engines: which program, its options, what a move may cost, openings and games."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_options import add_seed, add_strict, config_from, positive_number, positive_whole, whole_number
from training.evaluation.failures import EvaluationError

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.opening_choice import OpeningChoice
    from training.workers.crew import Crew

OWN_ENGINE = "recursezero"
LIMIT_FORMS = "nodes=N, depth=N, movetime=MS or a clock tc=[MOVES/][MINUTES:]SECONDS[+INCREMENT]"
POSITIONS_HELP = "labels in the `all` format: group TAB fen TAB value of every legal move, compressed or not"
PUZZLES_HELP = "Lichess puzzles with their header line (PuzzleId,FEN,Moves,Rating,...), compressed or not"


@contextlib.contextmanager
def engines_ended(log: Path | None = None) -> Iterator[None]:
    """Lets no engine outlive the block.

    Args:
      log: file for the conversations with the engines; None for none.

    Raises:
      EvaluationError: the file cannot be written.
    """
    from training.evaluation.engines.engine_protocols import Stopwatch, engine_log

    try:
        with engine_log(log):
            yield
    finally:  # an interruption may come before an engine that starts is anybody's to close
        Stopwatch.kill_all()


def add_cluster(parser: argparse.ArgumentParser, done: str) -> None:
    """Adds where the work is done.

    Args:
      parser: of a command.
      done: what is done there, as "engines run".
    """
    cluster_help = (
        f"{done} on all nodes of a Ray cluster: HOST:PORT of its head, or auto for the one that this machine is part of"
    )
    parser.add_argument("--cluster", metavar="ADDRESS", help=cluster_help)


def say(line: str) -> None:
    """Tells the user something while the work goes on."""
    print(line, file=sys.stderr, flush=True)


def add_max_plies(parser: argparse.ArgumentParser) -> None:
    """Adds when a long game ends."""
    add = parser.add_argument
    add("--max-plies", type=positive_whole, default=400, metavar="N", help="a longer game is a draw (default: 400)")


def add_timing(parser: argparse.ArgumentParser) -> None:
    """Adds when an answer is late."""
    add = parser.add_argument
    margin_help = "an answer this much after its time still counts (default: 100)"
    add("--margin-ms", type=whole_number, default=100, metavar="MS", help=margin_help)
    stall_help = "an engine silent for so long after its time is ended (default: 60)"
    add("--stall-s", type=positive_number, default=60.0, metavar="S", help=stall_help)


def add_recording(parser: argparse.ArgumentParser, games: str, metavar: str) -> None:
    """Adds how games are played at once, kept and continued.

    Args:
      parser: of a command.
      games: what is written to --out.
      metavar: FILE or DIR.
    """
    add = parser.add_argument
    concurrency_help = "games played at once (default: 1, with --cluster one for every processor)"
    add("--concurrency", type=positive_whole, metavar="N", help=concurrency_help)
    add_cluster(parser, "games are played")
    add("--out", type=Path, metavar=metavar, help=f"keep {games} in this {'file' if metavar == 'FILE' else 'folder'}")
    add("--resume", action="store_true", help="continue with the games of --out")
    add("--engine-log", type=Path, metavar="FILE", help="write the conversations with the engines to this file")


def engine_spec(
    engine: str,
    *,
    options: list[str],
    limit: str | None,
    name: str | None = None,
    xboard: bool = False,
    margin_ms: int = 100,
    stall_s: float = 60.0,
) -> "EngineSpec":
    """Returns the engine that a text means.

    Args:
      engine: `recursezero` for this project's with its shipped network, a folder of weights for it,
        or else a command.
      options: `Name=Value` each.
      limit: of a move, as text; None for one evaluation, which only this project's engine can take.
      name: shown in reports; by default what the engine calls itself.
      xboard: whether it speaks xboard's protocol instead of UCI.
      margin_ms: an answer this much later than its time loses.
      stall_s: after so many seconds beyond its time an answer is no longer waited for.

    Raises:
      EvaluationError: one line about what cannot be used.
    """
    from engine.engine_command import own_engine_command
    from engine.weights_location import WeightsNotFoundError, default_weights_folder
    from training.evaluation.engines.engine_spec import EngineSpec, parse_options, split_command
    from training.evaluation.engines.time_control import MoveLimit, parse_move_limit

    weights: Path | None = None
    if engine == OWN_ENGINE:
        try:
            weights = default_weights_folder()
        except WeightsNotFoundError as error:
            raise EvaluationError(str(error)) from error
    elif engine and Path(engine).is_dir():
        weights = Path(engine).resolve()
    if weights is not None:
        _check_network(weights)
    if limit is None and weights is None:
        raise EvaluationError(f"expected a limit for {engine!r}, such as nodes=20000 or tc=1+0.01, got none")
    return EngineSpec(
        command=split_command(engine) if weights is None else own_engine_command(weights),
        options=parse_options(options),
        limit=MoveLimit(nodes=1) if limit is None else parse_move_limit(limit),
        protocol="xboard" if xboard else "uci",
        name=name,
        weights_folder=weights,
        margin_ms=margin_ms,
        stall_s=stall_s,
    )


def _check_network(folder: Path) -> None:
    """Refuses a network that cannot play, which would lose every game.

    Raises:
      EvaluationError: it cannot.
    """
    from engine.checkpoint import CheckpointError, read_network_facts

    try:
        read_network_facts(folder)
    except CheckpointError as error:
        raise EvaluationError(str(error)) from error


def add_openings(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that `opening_choice` reads."""
    add = parser.add_argument
    openings_help = "openings as PGN, EPD, FEN, or lines of UCI moves (default: the built-in book)"
    add("--openings", type=Path, metavar="FILE", help=openings_help)
    add_strict(parser, "opening")
    add("--plies", type=positive_whole, metavar="N", help="play only the first N plies of a PGN opening")
    add("--in-order", action="store_true", help="take openings in the order of the book (default: drawn at random)")
    add("--chess960", action="store_true", help="play Chess960, by default from its 960 starting positions")
    add_seed(parser)


def opening_choice(arguments: argparse.Namespace) -> "OpeningChoice":
    """Returns what the arguments of `add_openings` ask for."""
    from training.evaluation.match.opening_choice import OpeningChoice

    return config_from(arguments, OpeningChoice, file=arguments.openings)


def check_resume(arguments: argparse.Namespace) -> None:
    """Checks that there is something to continue.

    Raises:
      EvaluationError: --resume without --out.
    """
    if arguments.resume and arguments.out is None:
        raise EvaluationError("expected --out with --resume, where the games to continue with are, got none")


@contextlib.contextmanager
def match_crew(arguments: argparse.Namespace, *engines: "EngineSpec") -> "Iterator[Crew | None]":
    """Gives what plays on the cluster that the arguments of `add_recording` name, None if they name none.

    Args:
      arguments: as parsed.
      engines: that play.

    Raises:
      EvaluationError: engines elsewhere cannot do what is asked for.
      CrewError: there is no such cluster.
    """
    if arguments.cluster is None:
        yield None
        return
    from training.evaluation.match import cluster_games

    if arguments.engine_log is not None:
        raise EvaluationError("expected --engine-log without --cluster, whose engines run on other machines, got both")
    with cluster_games.match_crew(arguments.cluster, engines, arguments.concurrency, say) as crew:
        yield crew


def interruption(arguments: argparse.Namespace, place: str = "") -> KeyboardInterrupt:
    """Returns what is raised after games were interrupted and reported.

    Args:
      arguments: of `add_recording`.
      place: says after how many games.
    """
    again = "add --resume to continue" if arguments.out else "with --out it could be continued"
    return KeyboardInterrupt(*filter(None, (place, again)))
