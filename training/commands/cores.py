"""Compares the cores of the network: trains each on the same data at equal cost, measures them, writes the table.

    recursezero cores run --out runs/cores --minutes 3 --clock cpu --set arithmetic=bfloat16 \\
        --source packed/all/train:1 --positions validation.tsv --puzzles puzzles.csv
    recursezero cores report --out runs/cores --document docs/recursion.md
    recursezero cores memory --document docs/recursion.md

`run` trains every core with every seed in three ways: for the same time, for the same number of operations, and at the
same number of parameters. It goes on where it was stopped when it is started again; a run that was under way begins
anew. `report` puts what has been finished into the document, between its marks, and the plots beside it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status

if TYPE_CHECKING:
    from training.studies.cores.core_comparison import ComparisonConfig

_CORES = ("deq", "universal", "asura", "rqz_golf", "golf_recurrent", "flat")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    work = {"run": _run, "report": _report, "memory": _memory}[arguments.command]
    return exit_status("compare_cores", lambda: work(arguments), (ValueError, OSError))


def _run(arguments: argparse.Namespace) -> int:
    from training.studies.cores.core_comparison import CoreComparison

    CoreComparison(arguments.out, _config(arguments)).run()
    return 0


def _config(arguments: argparse.Namespace) -> "ComparisonConfig":
    from engine.frozen_config import with_overrides
    from engine.network.network_presets import preset
    from training.distillation.distillation_config import RunConfig, parse_source
    from training.studies.cores.core_comparison import ComparisonConfig

    if not arguments.source:
        raise ValueError("expected at least one --source FOLDER:WEIGHT, got none")
    run = RunConfig(network=preset("deq"), sources=tuple(parse_source(text) for text in arguments.source))
    return ComparisonConfig(
        run=with_overrides(run, arguments.set_run),
        cores=_names(arguments.cores, _CORES, "--cores"),
        seeds=arguments.seeds,
        regimes=_names(arguments.regimes, ("time", "flops", "parameters"), "--regimes"),  # type: ignore[arg-type]
        minutes=arguments.minutes,
        clock=arguments.clock,
        decay_share=arguments.decay_share,
        network_overrides=tuple(arguments.set),
        positions=str(arguments.positions),
        most_positions=arguments.most_positions,
        puzzles=str(arguments.puzzles or ""),
        most_puzzles=arguments.most_puzzles,
    )


def _names(text: str, allowed: tuple[str, ...], option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in allowed:
            raise ValueError(f"expected {option} from {', '.join(allowed)}, got {name!r}")
    return names


def _report(arguments: argparse.Namespace) -> int:
    from training.studies.cores.comparison_report import (
        conclusions,
        means_over_seeds,
        plot_sheet,
        replace_between,
        table,
    )
    from training.studies.cores.core_comparison import read_comparison, read_results

    config, means = read_comparison(arguments.out), means_over_seeds(read_results(arguments.out))
    if not means:
        raise ValueError(f"expected finished runs in {arguments.out}, got none")
    plot = arguments.document.with_name("recursion-comparison.svg")
    plot.write_text(plot_sheet(means))
    made = f"{config.minutes:g} minutes ({config.clock} clock), in batches of {config.run.batch_size}"
    note = f"Every ± is one standard error over seeds. Runs at equal time have {made}."
    text = "\n\n".join([table(means), note, conclusions(means), f"![the table as bars]({plot.name})"])
    replace_between(arguments.document, "comparison", text)
    return 0


def _memory(arguments: argparse.Namespace) -> int:
    from engine.network.network_presets import preset
    from training.studies.cores.comparison_report import replace_between
    from training.studies.cores.core_memory import memory_rows, memory_table

    networks = {core: preset(core) for core in _names(arguments.cores, _CORES, "--cores")}
    rows = list(memory_rows(networks, arguments.iterations, arguments.boards, arguments.places))
    replace_between(arguments.document, "memory", memory_table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero cores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="train and measure what is missing"))
    report = commands.add_parser("report", help="write table, conclusions and plots")
    report.add_argument("--out", type=Path, required=True, help="folder of the comparison")
    report.add_argument("--document", type=Path, default=Path("docs/recursion.md"), help="document with the marks")
    memory = commands.add_parser("memory", help="measure memory against iterations")
    memory.add_argument("--cores", default=",".join(_CORES), help="names with commas (default: all)")
    memory.add_argument("--iterations", type=int, nargs="+", default=[4, 8, 16], help="(default: 4 8 16)")
    memory.add_argument("--boards", type=int, default=64, help="positions in a batch (default 64)")
    memory.add_argument("--places", type=int, default=3, help="states kept by the binomial schedule (default 3)")
    memory.add_argument("--document", type=Path, default=Path("docs/recursion.md"), help="document with the marks")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    add = run.add_argument
    add("--out", type=Path, required=True, help="folder of the comparison; goes on if it is there")
    add("--source", action="append", default=[], help="FOLDER:WEIGHT[:puzzles] to train on; repeatable")
    add("--positions", type=Path, required=True, help="held-out positions, a value for every legal move")
    add("--most-positions", type=int, default=0, metavar="N", help="use the first N (default: all)")
    add("--puzzles", type=Path, help="Lichess puzzles as CSV")
    add("--most-puzzles", type=int, default=2000, metavar="N", help="use the first N (default 2000)")
    add("--minutes", type=float, default=3.0, help="time of a run in the time regime (default 3)")
    add("--clock", choices=("wall", "cpu"), default="wall", help="what a minute is (default wall)")
    add("--decay-share", type=float, default=0.4, help="share of a run with a falling learning rate (default 0.4)")
    add("--cores", default=",".join(_CORES), help="names with commas (default: all)")
    add("--regimes", default="time,flops,parameters", help="names with commas (default: all)")
    add("--seeds", type=int, default=3, help="runs of each core in each regime (default 3)")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="a setting of every network")
    add("--set-run", action="append", default=[], metavar="FIELD=VALUE", help="a setting of every run")
