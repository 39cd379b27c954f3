"""The commands of `recursezero`: their table, and the one place that runs them and reports what goes wrong."""

import argparse
import errno
import importlib
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.command_options import CommandParser
from engine.engine_command import is_executable, join_words
from engine.terminal_text import allow_any_terminal

# Exit statuses; the last two are those of programs that SIGINT and SIGPIPE end.
NOTHING_DONE, MISTAKE, INTERRUPTED, OUTPUT_CLOSED = 1, 2, 130, 141


# Arguments of commands that name what is written.
_OUTPUTS = ("out", "run", "json", "pgn", "plot", "engine_log")
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}


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
        "doctor": Command(
            "Check the installation: versions, folders, device, time of a start and of a move",
            "engine.doctor:add_doctor",
        ),
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
        "fit-exit": Command(
            "Fit an early exit to a network that stays as it is", "training.commands.fit_exit:add_fit_exit", "train"
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
        if command.extra and is_executable():
            wanted = f'pip install "recursezero[{command.extra}]"'
            raise ValueError(
                f"expected a command that the executable has, got one that needs more (to have it: {wanted})"
            )
        parser = CommandParser(program, f"{command.summary}.")
        module, _, function = command.place.partition(":")
        getattr(importlib.import_module(module), function)(parser)
        arguments = parser.parse_args(argv)
        arguments.command_line = join_words([*program.split(), *argv])
        try:
            return int(arguments.work(arguments))
        except OSError as error:
            raise _named(error, _outputs(arguments)) from error

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
    allow_any_terminal()
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


def _outputs(arguments: argparse.Namespace) -> list[Path]:
    """Returns the files and folders that a command writes."""
    named = {name: getattr(arguments, name, None) for name in _OUTPUTS}
    if named["out"] is not None:
        del named["run"]  # which is read
    return [path for path in named.values() if isinstance(path, Path)]


def _named(error: OSError, outputs: Sequence[Path]) -> OSError:
    """Returns an error of the disk with the name of the output that its user gave.

    Args:
      error: often without a name, where a file that was open could not be written, or with that of a hidden file which
        stands for the output: its lock, or its beginning.
      outputs: of the command.
    """
    paths = outputs
    if error.filename is not None:
        parts = Path(str(error.filename)).parts
        paths = [path for path in outputs if any(part.startswith(f".{path.name}.") for part in parts)]
    if error.errno not in _DISK_ERRORS or not paths:
        return error
    return OSError(error.errno, error.strerror, ", ".join(map(str, paths)))


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
