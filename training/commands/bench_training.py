"""Benchmark of the training step: how many times faster than the same step in plain float32 JAX.

    recursezero bench --training --preset cpu --set network.arithmetic=bfloat16

Timed by turns, in one process each:
  as trained         the update of recursezero distil with these settings: its arithmetic, tokens, solver and truncated
                     gradient, no gather in the gradient, the state donated, batches prepared by another thread
  plain              the same network function, loss, optimiser and parameters (plain_step.py): only float32
                     products, f applied as often at most, the gradient through all of it, tokens and tables by index,
                     heads behind tokens, nothing donated, each batch prepared before its step
  plain, 64 squares  the same with the 64 squares as tokens, as one first writes it
Positions are those of random games; their values are drawn.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.engine_arguments import positive_whole

if TYPE_CHECKING:
    from training.studies.interleaved_timing import TimedTurns

_POSITIONS = 2048  # in the packed set


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark.

    Args:
      argv: the arguments after the program's name; by default the process's own.

    Returns:
      0, 2 after an error has been written to stderr, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("train_bench", lambda: _race(arguments), (ValueError, OSError))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero bench --training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", default="cpu", help="of the network (default cpu)")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="override a setting of the run; repeatable")
    add("--turns", type=positive_whole, default=5, metavar="N", help="of each way to make a step (default 5)")
    add("--steps", type=positive_whole, default=4, metavar="N", help="of a turn (default 4)")
    clock_help = "seconds of the wall, or of all processors together (default wall)"
    add("--clock", choices=("wall", "cpu"), default="wall", help=clock_help)
    return parser


def _race(arguments: argparse.Namespace) -> int:
    import tempfile
    from pathlib import Path

    from engine.frozen_config import with_overrides
    from engine.network.network_presets import preset
    from training.distillation.distillation_config import RunConfig
    from training.packed.bench_shards import write_bench_shards
    from training.studies.training_step.step_race import Contender, plain_squares_way, plain_way, race, trained_way

    config = with_overrides(RunConfig(network=preset(arguments.preset), sources=()), arguments.set)
    contenders = [Contender("as trained", trained_way), Contender("plain", plain_way)]
    if config.network.tokens != "squares":
        contenders.append(Contender("plain, 64 squares", plain_squares_way))
    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder) / "bench"
        write_bench_shards(shards, max(_POSITIONS, config.batch_size))
        times = race(config, shards, contenders, arguments.steps, arguments.turns, arguments.clock)
    title = f"distillation step of {arguments.preset} {' '.join(arguments.set)}".strip()
    print(f"{title}, batches of {config.batch_size}, {arguments.turns} turns of {arguments.steps} steps")
    print("\n".join(race_lines([each.name for each in contenders], times, arguments.clock)))
    return 0


def race_lines(names: Sequence[str], times: "TimedTurns", clock: str) -> list[str]:
    """Returns the figures; the ± of a ratio is the standard error of its mean over the turns.

    Args:
      names: of the contenders; the first is compared with the others.
      times: of their turns.
      clock: name of the clock.
    """
    unit = "positions/s" if clock == "wall" else "positions per processor second"
    lines = [f"{name:<18} {times.rate(number):8.0f} {unit}" for number, name in enumerate(names)]
    for number, name in enumerate(names[1:], 1):
        ratio, ratios = times.ratio(number), times.ratios(number)
        error = "?" if ratio.standard_error is None else f"{ratio.standard_error:.2f}"
        spread = f"{ratio.mean:.2f} ± {error} times as fast as {name} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"{names[0]}: {spread}")
    return lines
