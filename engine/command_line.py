"""The commands of `recursezero`: their table, and the one place that runs them and reports what goes wrong."""

import errno
import importlib
import io
import os
import select
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.command_options import CommandParser

# Exit statuses; the last two are those of programs that SIGINT and SIGPIPE end.
NOTHING_DONE, MISTAKE, INTERRUPTED, OUTPUT_CLOSED = 1, 2, 130, 141


class NothingDoneError(ValueError):
    """A command was called as it should be and found nothing to do; the text is one line."""


class Command(NamedTuple):
    """A row of the table.

    Attributes:
      summary: a sentence without its full stop, in the list of commands and at the head of the command's --help.
      place: `module:function`; the function adds the command's arguments to a parser and sets `work`, which gets them
        when they are parsed and returns the exit status. Nothing is imported before its command is given.
      extra: the optional packages it needs, as `pip install recursezero[EXTRA]` names them.
    """

    summary: str
    place: str
    extra: str = ""


GROUPS: dict[str, dict[str, Command]] = {
    "play": {
        "bench": Command(
            "Time the evaluation of positions and print a checksum of the results", "engine.bench:add_bench"
        ),
        "describe": Command("Print a network's settings, size, origin and checksum", "engine.describe:add_describe"),
    },
    "see": {
        "view": Command(
            "Explore on a local web page what the network sees in a position", "engine.view.view_command:add_view"
        ),
        "explain": Command(
            "Explain one position as text, as a picture, as data or as a web page", "engine.view.explain:add_explain"
        ),
        "watch": Command(
            "Follow training runs in the terminal or on a web page, or plot them", "training.commands.watch:add_watch"
        ),
    },
    "measure": {
        "match": Command(
            "Play two engines against each other and estimate the difference in Elo",
            "training.commands.match:add_match",
        ),
        "ladder": Command(
            "Rate an engine in Elo against Stockfish's skill levels", "training.commands.ladder:add_ladder"
        ),
        "puzzles": Command(
            "Measure the share of Lichess puzzles that an engine solves", "training.commands.measure:add_puzzles"
        ),
        "regret": Command(
            "Measure the expected score that an engine gives away per move", "training.commands.measure:add_regret"
        ),
        "conversion": Command(
            "Measure how many won endings an engine wins against random moves",
            "training.commands.measure:add_conversion",
        ),
        "random": Command("Play whole games against random moves", "training.commands.measure:add_random"),
    },
    "train": {
        "label": Command(
            "Label positions with a teacher's value of every legal move", "training.commands.label:add_label"
        ),
        "pack": Command("Pack labels into arrays for training", "training.commands.pack:add_pack"),
        "distil": Command("Train a network on packed labels", "training.commands.distil:add_distil", "train"),
        "self-play": Command(
            "Train a network by self-play, with Muesli", "training.commands.self_play:add_self_play", "train"
        ),
        "export": Command(
            "Export a training run as a network that plays", "training.commands.export:add_export", "train"
        ),
        "fit-model": Command(
            "Fit a latent model to a network that stays as it is", "training.commands.fit_model:add_fit_model", "train"
        ),
    },
    "study": {
        "cores": Command(
            "Train all cores of the network at equal cost and compare them",
            "training.commands.cores:add_cores",
            "train",
        ),
        "throughput": Command(
            "Compare the speed of self-play with that of two common designs",
            "training.commands.throughput:add_throughput",
            "train",
        ),
        "iterations": Command(
            "Study what a network gains from each of its iterations", "training.commands.measure:add_iterations"
        ),
        "bench --training": Command(
            "Compare the speed of a training step with that of plain JAX",
            "training.commands.bench_training:add_bench_training",
            "train",
        ),
        "learn-check": Command(
            "Learn small games from scratch and check how well they are played",
            "training.commands.learn_check:add_learn_check",
            "train",
        ),
    },
}
COMMANDS: dict[str, Command] = {name: command for group in GROUPS.values() for name, command in group.items()}


def find_command(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Finds the command that a command line names.

    Args:
      words: of the command line, without the program's name.

    Returns:
      The command's name and its arguments, or None if no command is named. An option in a command's name, as in
      `bench --training`, may stand anywhere.
    """
    for name in sorted(COMMANDS, key=lambda name: name.count(" "), reverse=True):
        first, *options = name.split()
        if words[:1] == [first] and all(option in words for option in options):
            return name, [word for word in words[1:] if word not in options]
    return None


def run_command(name: str, argv: Sequence[str]) -> int:
    """Runs a command of the table with its arguments; returns the exit status."""
    command = COMMANDS[name]
    program = f"recursezero {name}"

    def work() -> int:
        parser = CommandParser(program, f"{command.summary}.")
        module, _, function = command.place.partition(":")
        getattr(importlib.import_module(module), function)(parser)
        arguments = parser.parse_args(argv)
        arguments.command_line = shlex.join([*program.split(), *argv])
        return int(arguments.work(arguments))

    return exit_status(program, work, command.extra)


def exit_status(program: str, work: Callable[[], int], extra: str = "") -> int:
    """Does the work of a program; a mistake of the person who started it becomes one line on standard error.

    Args:
      program: its name, which begins the line.
      work: returns the exit status. A `ValueError` or an `OSError` is a mistake, whose text is the line; other errors
        are faults of the program and are raised.
      extra: the optional packages that it needs.

    Returns:
      What the work returns, 1 if there was nothing to do, 2 after a mistake, 130 after an interruption from the
      keyboard, or 141 if nobody reads the output any more.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal can show a piece or a ±
    try:
        try:
            status = work()
        except SystemExit as end:  # how argparse ends after --help or a mistake
            status = end.code if isinstance(end.code, int) else 0
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as interruption:
        print(f"{program}: {', '.join(['interrupted', *map(str, interruption.args)])}", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        print(f"{program}: {_missing_package(error, extra)}", file=sys.stderr)
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and _is_closed_output(error):
            return OUTPUT_CLOSED
        print(f"{program}: {_one_line(error)}", file=sys.stderr)
        return NOTHING_DONE if isinstance(error, NothingDoneError) else MISTAKE
    return MISTAKE


def command_list() -> str:
    """Returns one line for each command, group by group."""
    width = max(map(len, COMMANDS))
    lines = []
    for group, commands in GROUPS.items():
        lines += [f"{group}:", *(f"  {name:{width}}  {command.summary}" for name, command in commands.items())]
    return "\n".join(lines)


def print_written(*paths: os.PathLike[str] | None, note: str = "") -> None:
    """Says on standard error what a command has written.

    Args:
      paths: files and folders; None is one that was not asked for.
      note: says how much.
    """
    written = [str(path) for path in paths if path is not None]
    if written:
        print(f"wrote {', '.join(written)}{note and f' ({note})'}", file=sys.stderr)


def _missing_package(error: ModuleNotFoundError, extra: str) -> str:
    """Returns what to install; a missing module of this project is a fault, which is raised."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "engine", "training"):
        raise error
    wanted = f"recursezero[{extra}]" if extra else "recursezero"
    return f'expected the packages of {wanted}, got no {package} (to install them: pip install "{wanted}")'


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"expected a file or folder that can be used, got {error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _is_closed_output(error: OSError) -> bool:
    """Returns whether an error came from writing to a standard output that nobody reads, such as after `head`.

    If so, nothing is written to it any more. A pipe to an engine breaks in the same way, so the output itself is asked;
    Windows cannot be asked, and has another number for this error.
    """
    if sys.platform == "win32":
        is_closed = error.filename is None and error.errno in (errno.EPIPE, errno.EINVAL)
    elif isinstance(error, BrokenPipeError):
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)  # errors are reported without being asked for
        is_closed = bool(output.poll(0))
    else:
        is_closed = False
    if is_closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
    return is_closed
