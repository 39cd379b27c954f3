"""Makes labelled positions: a UCI engine, the teacher, values every legal move.

    recursezero label --engine stockfish --out labels.tsv --depth 4 --processes 2 --minutes 60

Where positions come from (--source):
  games      the teacher's own noisy games; half of them start from --starts; with --decided .85 --decided-plies 1
             --plays-on-share 0 they keep to positions where the game is open
  files      positions of --file: PGN games, FEN or EPD lines, Lichess puzzles (.csv), earlier labels (.tsv);
             --share draws some of them, --aside leaves some of those by one random legal move
  student    games of the network in --weights with itself and with the noisy teacher, also from won endings; kept are
             the positions where its move gives away more than --keep-above, and a share --keep-others of the rest
  favourites earlier labels of all moves (--file), in which the moves that the network in --weights prefers, the best
             one and its rivals are searched together, --nodes-per-move each, so that they are told apart

Run it again with the same --out to go on; the file grows and holds no position twice. Pack it with
`recursezero pack`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.engine_arguments import positive_number, positive_whole
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from engine.files.skipped_entries import SkippedEntries
    from training.labels.label_source import LabelSource


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero label",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--engine", required=True, help="command of a UCI engine with MultiPV")
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="UCI option; repeatable")
    add("--out", type=Path, required=True, help="file to append to")
    add("--depth", type=int, default=4, help="plies of the teacher's search (default 4)")
    add("--few-men-depth", type=int, default=0, metavar="N", help="the same with at most 5 men (default: as --depth)")
    add("--best-nodes", type=int, default=3000, metavar="N", help="then search the best 4 moves so (default 3000)")
    add("--choice-nodes", type=int, default=0, metavar="N", help="then search the best move alone so (default: not)")
    add("--seed", type=int, default=1, help="decides what is random (default 1)")
    add("--processes", type=int, default=1, help="engines at work at once (default 1)")
    add("--positions", type=positive_whole, default=10**9, metavar="N", help="stop after adding so many")
    add("--minutes", type=positive_number, default=60.0, metavar="X", help="stop after so long (default 60)")
    add(
        "--source",
        choices=("games", "files", "student", "favourites"),
        default="games",
        help="see above (default games)",
    )
    _add_games(parser.add_argument_group("--source games and student"))
    files = parser.add_argument_group("--source files and favourites")
    file_help = "may be repeated; compressed or not; - is standard input"
    files.add_argument("--file", type=Path, action="append", default=[], help=file_help)
    strict_help = "stop at the first game or line that cannot be read (default: skip it)"
    files.add_argument("--strict", action="store_true", help=strict_help)
    nodes_help = "search of favourites (default 1500)"
    files.add_argument("--nodes-per-move", type=int, default=1500, metavar="N", help=nodes_help)
    files.add_argument("--share", type=float, default=1.0, metavar="X", help="of the positions is taken (default 1)")
    files.add_argument("--aside", type=float, default=0.0, metavar="X", help="of those is left aside (default 0)")
    _add_student(parser.add_argument_group("--source student; --weights also of favourites"))
    return parser


def _add_games(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--starts", type=Path, metavar="FILE", help="FENs or EPDs where games start")
    add("--given-share", type=float, default=0.5, metavar="X", help="of the games starts there (default .5)")
    add("--decided", type=float, default=0.955, metavar="X", help="expected score that decides a game (default .955)")
    add("--decided-plies", type=int, default=8, metavar="N", help="if it lasts for so long (default 8)")
    add("--plays-on-share", type=float, default=0.25, metavar="X", help="of the games goes on then (default .25)")


def _add_student(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--weights", type=Path, metavar="DIR", help="the student's network")
    add("--boards", type=int, default=64, metavar="N", help="games at once in each process (default 64)")
    add("--won-share", type=float, default=0.15, metavar="X", help="of games from won endings (default .15)")
    add("--self-share", type=float, default=0.6, metavar="X", help="of the others without the teacher (default .6)")
    add("--temperature", type=float, default=0.7, metavar="T", help="half of the games are at 0..T (default .7)")
    add("--teacher-share", type=float, default=0.05, metavar="X", help="of the student's moves (default .05)")
    add("--keep-above", type=float, default=0.02, metavar="X", help="regret of what is surely kept (default .02)")
    add("--keep-others", type=float, default=0.25, metavar="X", help="share kept of the rest (default .25)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 1 if no position was added, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _label(arguments), (ValueError, OSError))


def _label(arguments: argparse.Namespace) -> int:
    from contextlib import ExitStack

    from engine.files.skipped_entries import SkippedEntries
    from engine.files.text_file import on_disk

    skipped = SkippedEntries(strict=arguments.strict)
    with ExitStack() as copies:
        arguments.file = [copies.enter_context(on_disk(path)) for path in arguments.file]
        added = _add_labels(arguments, skipped)
    skipped.report()
    if not added:
        print(f"error: expected new positions to label, got none; added nothing to {arguments.out}", file=sys.stderr)
        return 1
    print(f"added {added} positions to {arguments.out}", file=sys.stderr)
    return 0


def _add_labels(arguments: argparse.Namespace, skipped: "SkippedEntries") -> int:
    import shlex

    from training.labels.labelling import LabelConfig, label_positions

    config = LabelConfig(
        engine=tuple(shlex.split(arguments.engine)),
        options=tuple(_option(text) for text in arguments.option),
        depth=arguments.depth,
        few_men_depth=arguments.few_men_depth,
        best_nodes=arguments.best_nodes,
        choice_nodes=arguments.choice_nodes,
        source=_source(arguments, skipped),
        seed=arguments.seed,
        processes=arguments.processes,
    )

    def report(added: int, passed_s: float) -> None:
        rate = added / passed_s
        left_s = min(arguments.minutes * 60 - passed_s, (arguments.positions - added) / max(rate, 1e-9))
        print(f"\r{added} positions  {rate:.0f}/s  {left_s / 60:.1f} min left ", end="", file=sys.stderr, flush=True)

    with sole_writer(arguments.out):
        return label_positions(config, arguments.out, arguments.positions, arguments.minutes, report, skipped)


def _source(arguments: argparse.Namespace, skipped: "SkippedEntries") -> "LabelSource":
    from training.labels.labelling import read_starts

    if arguments.source in ("files", "favourites") and not arguments.file:
        raise ValueError(f"expected at least one --file for --source {arguments.source}, got none")
    if arguments.source in ("student", "favourites") and arguments.weights is None:
        raise ValueError(f"expected --weights for --source {arguments.source}, got none")
    if arguments.source == "favourites":
        from training.labels.favoured_moves import FavouredMoves

        return FavouredMoves(
            paths=tuple(arguments.file), weights=arguments.weights, nodes_per_move=arguments.nodes_per_move
        )
    if arguments.source == "files":
        from training.labels.position_files import PositionFiles

        return PositionFiles(paths=tuple(arguments.file), share=arguments.share, aside=arguments.aside)
    from training.labels.noisy_games import GamePlan, NoisyGames

    plan = GamePlan(
        starts=read_starts(arguments.starts, skipped) if arguments.starts else (),
        given_share=arguments.given_share,
        decided=arguments.decided,
        decided_plies=arguments.decided_plies,
        plays_on_share=arguments.plays_on_share,
    )
    if arguments.source == "games":
        return NoisyGames(plan=plan)
    from training.labels.student_games import StudentGames

    return StudentGames(
        weights=arguments.weights,
        plan=plan,
        boards=arguments.boards,
        won_share=arguments.won_share,
        self_share=arguments.self_share,
        temperature=arguments.temperature,
        teacher_share=arguments.teacher_share,
        keep_above=arguments.keep_above,
        keep_others=arguments.keep_others,
    )


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"expected --option as NAME=VALUE, got {text!r}")
    return name, value
