"""Compares the cores of the network: trains each on the same data at equal cost, measures them, writes the table.

`run` trains every core with every seed in three ways: for the same time, for the same number of operations, and at the
same number of parameters. It continues where it was stopped when it is started again; a run that was under way begins
anew. `report` puts what has been finished into the document, between its marks, and the plots beside it.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import (
    add_clock,
    add_example,
    add_fields,
    add_settings,
    config_from,
    positive_whole,
    whole_number,
)
from training.commands.engine_arguments import POSITIONS_HELP, PUZZLES_HELP
from training.commands.plan_arguments import add_source

if TYPE_CHECKING:
    from training.distillation.distillation_config import RunConfig
    from training.studies.cores.comparison_config import ComparisonConfig

_CORES = ("deq", "universal", "asura", "rqz_golf", "golf_recurrent", "flat")
_NETWORK = "network."


def add_cores(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero cores`."""
    parts = parser.add_subparsers(required=True, metavar="run|report|memory")
    for name, summary, add in (
        ("run", "Train and measure every core, or continue an interrupted comparison", _add_run),
        ("report", "Write the table, conclusions and plots of a comparison into a document", _add_report),
        ("memory", "Measure memory against iterations and write it into a document", _add_memory),
    ):
        add(parts.add_parser(name, help=summary[0].lower() + summary[1:], description=f"{summary}."))
    add_example(parser, "recursezero cores report --run runs/cores")


def _run(arguments: argparse.Namespace) -> int:
    from training.studies.cores.core_comparison import CoreComparison

    CoreComparison(arguments.out, _config(arguments)).run()
    print_written(arguments.out)
    return 0


def _preset_run(_arguments: argparse.Namespace) -> "RunConfig":
    from engine.network.network_presets import preset
    from training.distillation.distillation_config import RunConfig

    return RunConfig(network=preset("deq"), sources=())


def _config(arguments: argparse.Namespace) -> "ComparisonConfig":
    from dataclasses import replace

    from engine.frozen_config import with_overrides
    from training.distillation.distillation_config import parse_source
    from training.studies.cores.comparison_config import REGIMES, ComparisonConfig

    if not arguments.source:
        raise ValueError("expected at least one --source DIR:WEIGHT, got none")
    run = replace(_preset_run(arguments), sources=tuple(parse_source(text) for text in arguments.source))
    of_network = [text for text in arguments.set if text.startswith(_NETWORK)]
    return config_from(
        arguments,
        ComparisonConfig,
        run=with_overrides(run, [text for text in arguments.set if text not in of_network]),
        cores=_names(arguments.cores, _CORES, "--cores"),
        regimes=_names(arguments.regimes, REGIMES, "--regimes"),
        network_overrides=tuple(text.removeprefix(_NETWORK) for text in of_network),
        positions=str(arguments.positions),
        most_positions=arguments.first_positions,
        puzzles=str(arguments.puzzles or ""),
        most_puzzles=arguments.first_puzzles,
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

    config, means = read_comparison(arguments.run), means_over_seeds(read_results(arguments.run))
    if not means:
        raise ValueError(f"expected finished runs in {arguments.run}, got none")
    plot = arguments.document.with_name("recursion-comparison.svg")
    plot.write_text(plot_sheet(means), encoding="utf-8")
    made = f"{config.minutes:g} minutes ({config.clock} clock), in batches of {config.run.batch_size}"
    note = f"Every ± is one standard error over seeds. Runs at equal time have {made}."
    text = "\n\n".join([table(means), note, conclusions(means), f"![the table as bars]({plot.name})"])
    replace_between(arguments.document, "comparison", text)
    print_written(arguments.document, plot)
    return 0


def _memory(arguments: argparse.Namespace) -> int:
    from engine.network.network_presets import preset
    from training.reporting.progress_bar import progress_bar
    from training.studies.cores.comparison_report import replace_between
    from training.studies.cores.core_memory import memory_rows, memory_table, modes_of

    networks = {core: preset(core) for core in _names(arguments.cores, _CORES, "--cores")}
    rows = []
    with progress_bar("memory", sum(len(modes_of(core)) for core in networks), "rows") as advance:
        for row in memory_rows(networks, arguments.iterations, arguments.boards, arguments.places):
            rows.append(row)
            advance(1, f"{row.core} {row.mode}")
    replace_between(arguments.document, "memory", memory_table(rows))
    print_written(arguments.document)
    return 0


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the comparison")
    _add_document(parser)
    add_example(parser, "recursezero cores report --run runs/cores")
    parser.set_defaults(work=_report)


def _add_memory(parser: argparse.ArgumentParser) -> None:
    _add_cores(parser)
    add = parser.add_argument
    iterations_help = "numbers of iterations to try (default: 4 8 16)"
    add("--iterations", type=positive_whole, nargs="+", default=[4, 8, 16], metavar="N", help=iterations_help)
    add("--boards", type=positive_whole, default=64, metavar="N", help="positions of a batch (default: 64)")
    places_help = "states that the binomial schedule keeps (default: 3)"
    add("--places", type=positive_whole, default=3, metavar="N", help=places_help)
    _add_document(parser)
    add_example(parser, "recursezero cores memory --cores deq,flat --iterations 4 8")
    parser.set_defaults(work=_memory)


def _add_run(parser: argparse.ArgumentParser) -> None:
    from training.studies.cores.comparison_config import REGIMES, ComparisonConfig

    add = parser.add_argument
    out_help = "folder of the comparison, which is continued if it exists"
    add("--out", type=Path, required=True, metavar="DIR", help=out_help)
    add_source(parser)
    add_settings(parser, _preset_run, "every run")
    _add_cores(parser)
    regimes = ",".join(REGIMES)
    regimes_help = f"quantities that runs have in common (default: {regimes})"
    add("--regimes", default=regimes, metavar="LIST", help=regimes_help)
    numbers = {
        "seeds": "runs of each core in each regime",
        "minutes": "time of a run in the time regime",
        "decay_share": "share of a run, at its end, in which the learning rate falls to zero",
    }
    add_fields(parser, ComparisonConfig, numbers)
    add_clock(parser)
    add("--positions", type=Path, required=True, metavar="FILE", help=POSITIONS_HELP)
    add("--first-positions", type=whole_number, default=0, metavar="N", help="use only the first N positions")
    add("--puzzles", type=Path, metavar="FILE", help=PUZZLES_HELP)
    most = ComparisonConfig.most_puzzles
    first_help = f"use only the first N puzzles (default: {most})"
    add("--first-puzzles", type=positive_whole, default=most, metavar="N", help=first_help)
    add_example(
        parser,
        "recursezero cores run --out runs/cores --source packed/all/train:1 --clock cpu",
        "--positions validation.tsv --puzzles puzzles.csv --set network.arithmetic=bfloat16",
    )
    parser.set_defaults(work=_run)


def _add_cores(parser: argparse.ArgumentParser) -> None:
    cores_help = f"cores, with commas between them (default: {','.join(_CORES)})"
    parser.add_argument("--cores", default=",".join(_CORES), metavar="LIST", help=cores_help)


def _add_document(parser: argparse.ArgumentParser) -> None:
    document_help = "document with marks where the results go (default: docs/recursion.md)"
    parser.add_argument("--document", type=Path, default=Path("docs/recursion.md"), metavar="FILE", help=document_help)
