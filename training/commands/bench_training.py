"""Benchmark of the training step: how many times faster than the same step in plain float32 JAX.

Timed interleaved, in one process each:
  as trained         the update of `recursezero distil` with these settings: its arithmetic, tokens, solver and
                     truncated gradient, no gather in the gradient, the state donated, batches prepared by a thread
  plain              the same network function, loss, optimiser and parameters (plain_step.py): only float32
                     products, f applied as often at most, the gradient through all of it, tokens and tables by index,
                     heads behind tokens, nothing donated, each batch prepared before its step
  plain, 64 squares  the same with the 64 squares as tokens, as one first writes it
Positions are those of random games; their values are drawn. Operations a second stand beside those of large products
on the same device, measured afterwards.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.command_options import add_clock, add_example, add_preset, add_settings, positive_whole
from training.commands.plan_arguments import network_presets

if TYPE_CHECKING:
    from training.distillation.distillation_config import RunConfig
    from training.studies.interleaved_timing import TimedTurns

_POSITIONS = 2048  # in the packed set


def add_bench_training(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero bench --training`."""
    add_preset(parser, "cpu", network_presets, "the network")
    add_settings(parser, _config, "the run")
    add = parser.add_argument
    add("--rounds", type=positive_whole, default=5, metavar="N", help="turns of each contender (default: 5)")
    add("--steps", type=positive_whole, default=4, metavar="N", help="training steps of a turn (default: 4)")
    add_clock(parser)
    add_example(parser, "recursezero bench --training --preset cpu --set network.arithmetic=bfloat16")
    parser.set_defaults(work=_race)


def _config(arguments: argparse.Namespace) -> "RunConfig":
    from engine.network.network_presets import preset
    from training.distillation.distillation_config import RunConfig

    return RunConfig(network=preset(arguments.preset), sources=())


def _race(arguments: argparse.Namespace) -> int:
    import tempfile
    from pathlib import Path

    from engine.frozen_config import with_overrides
    from training.packed.bench_shards import write_bench_shards
    from training.reporting.progress_bar import progress_bar
    from training.studies.training_step.flop_rates import possible_flops_per_s, rate_line, step_flops
    from training.studies.training_step.step_race import Contender, plain_squares_way, plain_way, race, trained_way

    config = with_overrides(_config(arguments), arguments.set)
    contenders = [Contender("as trained", trained_way), Contender("plain", plain_way)]
    if config.network.tokens != "squares":
        contenders.append(Contender("plain, 64 squares", plain_squares_way))
    turns = len(contenders) * (arguments.rounds + 1)  # the first of each compiles
    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # Windows keeps files that are memory-mapped
    with place as folder, progress_bar("training step", turns, "turns") as advance:
        shards = Path(folder) / "bench"
        write_bench_shards(shards, max(_POSITIONS, config.batch_size))
        plan = arguments.steps, arguments.rounds, arguments.clock
        times = race(config, shards, contenders, *plan, lambda text: advance(1, text))
    title = f"distillation step of {arguments.preset} {' '.join(arguments.set)}".strip()
    print(f"{title}, batches of {config.batch_size}, {arguments.rounds} turns of {arguments.steps} steps")
    print("\n".join(race_lines([each.name for each in contenders], times, arguments.clock)))
    seconds = config.batch_size / times.rate(0)
    possible_per_s = possible_flops_per_s(config.network.arithmetic, arguments.clock)
    print(rate_line(contenders[0].name, step_flops(config), seconds, possible_per_s, arguments.clock))
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
