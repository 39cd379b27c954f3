"""Labels positions: a UCI engine, the teacher, values every legal move.

The file that is written grows when the command is run again, and holds no position twice.
"""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import NothingDoneError, print_written
from engine.command_options import (
    add_example,
    add_fields,
    add_seed,
    add_strict,
    config_from,
    number,
    positive_number,
    positive_whole,
)
from training.commands.engine_arguments import add_cluster, say
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.files.skipped_entries import SkippedEntries
    from training.labels.label_source import LabelSource
    from training.workers.crew import Crew

_SOURCES = """Where positions come from (--source):
  games       the teacher's own noisy games; half of them start from --starts; with --decided 0.85
              --decided-plies 1 --plays-on-share 0 they keep to positions where the game is open
  files       positions of --in: PGN games, FEN or EPD lines, Lichess puzzles (.csv), earlier labels (.tsv)
  student     games of the network in --weights with itself and with the noisy teacher, also from won endings;
              kept are the positions where its move gives away much, and a share of the others
  favourites  earlier labels of all moves (--in), in which the moves that the network in --weights prefers, the
              best one and its rivals are searched together, so that they are told apart
  endings     K+Q v K and K+R v K, valued by their exact distances to mate; no engine is needed
"""


def add_label(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero label`."""
    from training.labels.labelling import LabelConfig

    add = parser.add_argument
    out_help = "file of labels; if it exists, new positions are added to it"
    add("--out", type=Path, required=True, metavar="FILE", help=out_help)
    sources = ("games", "files", "student", "favourites", "endings")
    add("--source", choices=sources, default="games", help="where positions come from, see below (default: games)")
    add("--count", type=positive_whole, metavar="N", help="end after adding N positions (default: no limit)")
    add("--minutes", type=positive_number, default=60.0, metavar="X", help="end after so long (default: 60)")
    add("--engine", metavar="CMD", help="command of the teacher, a UCI engine with MultiPV")
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="UCI option of the engine; repeatable")
    searches = {
        "depth": "plies of the teacher's search of all moves",
        "few_pieces_depth": "the same with at most five pieces on the board; 0 for the same depth",
        "best_nodes": "nodes of a second search, of the best four moves; 0 for none",
        "choice_nodes": "nodes of a last search, of the best move alone; 0 for none",
    }
    add_fields(parser, LabelConfig, searches)
    processes_help = "engines at work at once (default: 1, with --cluster one for every processor)"
    add("--processes", type=positive_whole, metavar="N", help=processes_help)
    add_cluster(parser, "engines run")
    add_seed(parser)
    _add_sources(parser)
    add_example(parser, "recursezero label --engine stockfish --out labels.tsv --processes 2 --minutes 60")
    parser.epilog = f"{_SOURCES}\n{parser.epilog}"
    parser.set_defaults(work=_label)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    from training.labels.favoured_moves import FavouredMoves
    from training.labels.noisy_games import GamePlan
    from training.labels.position_files import PositionFiles
    from training.labels.student_games import StudentGames

    games = parser.add_argument_group("--source games and student")
    starts_help = "FENs or EPDs where games start"
    games.add_argument("--starts", type=Path, metavar="FILE", help=starts_help)
    plan = {
        "given_share": "share of the games that start there",
        "decided": "expected score that decides a game",
        "decided_plies": "plies for which it must last",
        "plays_on_share": "share of the games that are played on then",
    }
    add_fields(games, GamePlan, plan)
    files = parser.add_argument_group("--source files and favourites")
    in_help = "files of positions, compressed or not; - for standard input"
    files.add_argument("--in", dest="inputs", type=Path, nargs="+", default=[], metavar="FILE", help=in_help)
    add_strict(files, "game or line")
    chosen = {"share": "share of the positions that is taken", "aside": "share of those left by one random move"}
    add_fields(files, PositionFiles, chosen)
    add_fields(files, FavouredMoves, {"nodes_per_move": "nodes of the search of favourites, for each move"})
    student = parser.add_argument_group("--source student and favourites")
    student.add_argument("--weights", type=Path, metavar="DIR", help="folder of the student's network")
    student_games = {
        "boards": "games at once in each process",
        "won_share": "share of the games that start from won endings",
        "self_share": "share of the others that are played without the teacher",
        "temperature": "highest temperature of the student's moves; half of the games are played at 0",
        "teacher_share": "share of the student's moves that the teacher makes",
        "keep_above": "regret above which a position is kept for certain",
        "keep_others": "share of the other positions that is kept",
    }
    add_fields(student, StudentGames, student_games)
    endings = parser.add_argument_group("--source endings")
    per_move_help = "cost of each move by which a mate comes later, 0..1 (default: 0.05)"
    endings.add_argument("--per-move", type=number, default=0.05, metavar="X", help=per_move_help)


def _label(arguments: argparse.Namespace) -> int:
    if arguments.source == "endings":
        if arguments.cluster is not None:
            raise ValueError("expected --cluster with a source that needs engines, got --source endings")
        return _label_endings(arguments)
    from contextlib import ExitStack

    from engine.files.skipped_entries import SkippedEntries
    from engine.files.text_file import on_disk

    if arguments.engine is None:
        raise ValueError(f"expected --engine for --source {arguments.source}, got none")
    skipped = SkippedEntries(strict=arguments.strict)
    if arguments.cluster is not None:
        _check_shared(arguments.inputs)
    with ExitStack() as copies:
        arguments.inputs = [copies.enter_context(on_disk(path)) for path in arguments.inputs]
        added = _add_labels(arguments, skipped)
    skipped.report()
    if not added:
        raise NothingDoneError(f"expected new positions to label, got none; added nothing to {arguments.out}")
    print_written(arguments.out, note=f"{added} new positions")
    return 0


def _add_labels(arguments: argparse.Namespace, skipped: "SkippedEntries") -> int:
    from training.evaluation.engines.engine_spec import parse_options, split_command
    from training.labels.labelling import LabelConfig, label_positions
    from training.reporting.progress_bar import progress_bar
    from training.workers.crew import rates_line

    engine, options = tuple(split_command(arguments.engine)), tuple(parse_options(arguments.option).items())
    config = config_from(arguments, LabelConfig, engine=engine, options=options, source=_source(arguments, skipped))
    count, limit_s, shown = arguments.count or 10**9, arguments.minutes * 60, 0.0
    with sole_writer(arguments.out), _crew(arguments) as crew, progress_bar("labelling", 100, "%") as advance:

        def report(added: int, passed_s: float, rates: "Mapping[str, float]") -> None:
            nonlocal shown
            percent = 100 * max(added / count, passed_s / limit_s)
            by_node = f" ({rates_line(rates)})" if any(rates) else ""
            advance(percent - shown, f"{added} positions, {added / passed_s:.0f}/s{by_node}")
            shown = percent

        return label_positions(config, arguments.out, count, arguments.minutes, report, skipped, crew)


@contextlib.contextmanager
def _crew(arguments: argparse.Namespace) -> "Iterator[Crew]":
    if arguments.cluster is None:
        from training.workers.process_crew import ProcessCrew

        yield ProcessCrew("labelling", arguments.processes or 1)
        return
    from training.workers.ray_crew import RayCrew

    with RayCrew(address=arguments.cluster, workers=arguments.processes, say=say) as crew:
        yield crew


def _check_shared(inputs: "Sequence[Path]") -> None:
    """Refuses what only this machine can read."""
    from engine.files.text_file import STANDARD_INPUT

    for path in inputs:
        if path == STANDARD_INPUT or path.is_fifo():
            raise ValueError(f"expected files that every node can read for --in with --cluster, got {path}")


def _label_endings(arguments: argparse.Namespace) -> int:
    from training.labels.lone_king import ending_lines
    from training.reporting.progress_bar import progress_bar

    if not 0 <= arguments.per_move <= 1:
        raise ValueError(f"expected --per-move in 0..1, got {arguments.per_move}")
    count = arguments.count or 20_000
    with arguments.out.open("x", encoding="utf-8"):
        pass  # it is new, and can be written
    try:
        with (
            arguments.out.open("w", encoding="utf-8") as file,
            progress_bar("labelling", count, "positions") as advance,
        ):
            for line in ending_lines(count, arguments.per_move, arguments.seed):
                file.write(line)
                advance(1, "")
    except BaseException:
        arguments.out.unlink()  # a part of it could not be gone on with
        raise
    print_written(arguments.out, note=f"{count} positions")
    return 0


def _source(arguments: argparse.Namespace, skipped: "SkippedEntries") -> "LabelSource":
    from training.labels.labelling import read_starts

    if arguments.source in ("files", "favourites") and not arguments.inputs:
        raise ValueError(f"expected --in for --source {arguments.source}, got none")
    if arguments.source in ("student", "favourites") and arguments.weights is None:
        raise ValueError(f"expected --weights for --source {arguments.source}, got none")
    if arguments.cluster is not None:  # whose processes work in folders of their own
        arguments.inputs = [path.absolute() for path in arguments.inputs]
        arguments.weights = arguments.weights and arguments.weights.absolute()
    if arguments.source == "favourites":
        from training.labels.favoured_moves import FavouredMoves

        return config_from(arguments, FavouredMoves, paths=tuple(arguments.inputs))
    if arguments.source == "files":
        from training.labels.position_files import PositionFiles

        return config_from(arguments, PositionFiles, paths=tuple(arguments.inputs))
    from training.labels.noisy_games import GamePlan, NoisyGames

    plan = config_from(arguments, GamePlan, starts=read_starts(arguments.starts, skipped) if arguments.starts else ())
    if arguments.source == "games":
        return NoisyGames(plan=plan)
    from training.labels.student_games import StudentGames

    return config_from(arguments, StudentGames, plan=plan)
