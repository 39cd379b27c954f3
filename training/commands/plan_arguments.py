"""Arguments of commands that train: the run, its data, and how long it takes."""

import argparse
from pathlib import Path

from engine.command_options import add_clock, add_fields, config_from
from training.commands.engine_arguments import say
from training.runs.run_clock import Plan


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the folder of a run, and where its weights come from."""
    add = parser.add_argument
    add(
        "--run",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run: a new one, or an old one with --resume",
    )
    add("--resume", action="store_true", help="continue the run from its newest checkpoint, with its own settings")
    start_help = "start from the weights of this run or network, which may be smaller"
    add("--start-from", type=Path, metavar="DIR", help=start_help)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Adds the packed sets that are learned from."""
    source_help = "packed set and its share of a batch, with `:puzzles` if its values only mark solutions; repeatable"
    parser.add_argument("--source", action="append", default=[], metavar="DIR:WEIGHT", help=source_help)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that `plan_of` reads."""
    add_fields(parser, Plan, {"minutes": "time to train for"})
    add_clock(parser)
    add_fields(
        parser,
        Plan,
        {
            "steps": "end after this many steps",
            "decay_share": "share of the time, at its end, in which the learning rate falls to zero",
            "validate_minutes": "minutes between measurements on held-out positions",
            "save_minutes": "minutes between checkpoints",
        },
    )
    restart_help = "return to the peak learning rate, after a run whose rate fell to zero"
    parser.add_argument("--restart-schedule", action="store_true", help=restart_help)


def add_group(parser: argparse.ArgumentParser) -> None:
    """Adds the argument by which several processes, on one machine or more, are one run."""
    group_help = "be one of several processes of a run: where the first one is, how many, which one this is, from 0"
    parser.add_argument("--group", nargs=3, metavar=("HOST:PORT", "PROCESSES", "INDEX"), help=group_help)


def join_group(arguments: argparse.Namespace) -> None:
    """Joins this process to the group that it is told of; call it before anything asks for the devices.

    Raises:
      ValueError: there can be no such group.
    """
    if not arguments.group:
        return
    from training.runs.device_mesh import join_process_group

    coordinator, processes, index = arguments.group
    if not (processes.isdecimal() and index.isdecimal()):
        raise ValueError(f"expected --group as HOST:PORT PROCESSES INDEX, got {' '.join(arguments.group)}")
    join_process_group(coordinator, int(processes), int(index), say)


def is_first(arguments: argparse.Namespace) -> bool:
    """Returns whether this process writes the run's folder."""
    return arguments.group is None or arguments.group[2] == "0"


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Returns the plan that the arguments ask for.

    Raises:
      ValueError: one of them is out of range.
    """
    return config_from(arguments, Plan, restarts_schedule=arguments.restart_schedule)


def network_presets() -> dict[str, str]:
    """Returns the names of the network's presets with a few words on each."""
    from engine.network.network_presets import PRESETS

    return {
        name: f"core {config.core.kind}, width {config.width}, blocks {config.blocks}"
        for name, config in PRESETS.items()
    }


def check_of_new_run(**arguments: object) -> None:
    """Checks that arguments which only a new run takes were not given to one that goes on.

    Args:
      arguments: their values by name, false where not given.

    Raises:
      ValueError: one was given.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in arguments.items() if value]
    if given:
        raise ValueError(
            f"expected no {' or '.join(given)} with --resume, for a run goes on with its own settings, got it "
            "(allowed: --set FIELD=VALUE, or a new run with --start-from)"
        )


def check_is_new(run: Path) -> None:
    """Checks that a folder is not there yet.

    Raises:
      ValueError: it is.
    """
    if run.exists():
        raise ValueError(f"expected a new folder for --run, got {run}, which exists; use --resume to go on")
