"""Compares how many positions of chess a second self-play makes with the two obvious ways to write it.

Timed interleaved, in one process, after each has compiled and played a turn:
  resident rollout              the games of `recursezero self-play --preset chess`, with the shipped network
  resident rollout, perceptron  the same program with the small network of the NumPy loop
  resident iteration            the whole of that run: games, replay and updates
  Pgx AlphaZero example         github.com/sotetsuk/pgx, examples/alphazero, with its own settings on chess (residual
                                network of 128 channels and six blocks, random weights; 32 simulations a move) but for
                                its 1,024 games at once, which --alphazero-games replaces
  python-chess + NumPy          one game in a loop: python-chess makes the moves and a network in NumPy, one hidden
                                layer with about as many parameters as the preset cpu, says what is drawn from
  python-chess + evaluator      the same loop with the shipped network, one position at a time, as the engine plays
Networks differ in cost, so that operations of an evaluation (matrix products and convolutions) stand beside the rates.
The example needs mctx: `pip install -c constraints.txt mctx`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_options import add_clock, add_example, add_settings, add_weights, positive_whole

if TYPE_CHECKING:
    from training.self_play.self_play_config import SelfPlayConfig
    from training.studies.interleaved_timing import Contestant, TimedTurns

_HIDDEN = 256  # units of the perceptron, so that it has as many parameters as the preset cpu
_ALPHAZERO_MOVES, _NUMPY_MOVES, _EVALUATOR_MOVES = 2, 1024, 256  # of a turn


def add_throughput(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero throughput`."""
    add_weights(parser)
    add_settings(parser, _settings, "the preset chess")
    add = parser.add_argument
    add("--rounds", type=positive_whole, default=5, metavar="N", help="turns of each contender (default: 5)")
    add_clock(parser)
    games_help = "games at once of the AlphaZero example (default: 16)"
    add("--alphazero-games", type=positive_whole, default=16, metavar="N", help=games_help)
    add("--without-alphazero", action="store_true", help="leave out the AlphaZero example, which needs mctx")
    add_example(parser, "recursezero throughput --clock cpu --without-alphazero")
    parser.set_defaults(work=_measure)


def _settings(arguments: argparse.Namespace) -> "SelfPlayConfig":
    from engine.weights_location import default_weights_folder

    return chess_config(arguments.weights or default_weights_folder(), [])


def _measure(arguments: argparse.Namespace) -> int:
    import jax

    from engine.player.backend import usable_processors
    from training.reporting.progress_bar import progress_bar
    from training.studies.interleaved_timing import race

    contestants = _contestants(arguments)
    turns = len(contestants) * (arguments.rounds + 1)  # the first of each compiles
    with progress_bar("throughput", turns, "turns") as advance:
        times = race(contestants, arguments.rounds, arguments.clock, lambda text: advance(1, text))
    print(
        f"chess, {usable_processors()} processors, {jax.device_count()} x {jax.devices()[0].device_kind}, "
        f"{arguments.rounds} interleaved rounds, {arguments.clock} clock"
    )
    print("\n".join(race_table(contestants, times)))
    return 0


def _contestants(arguments: argparse.Namespace) -> list["Contestant"]:
    from engine.weights_location import default_weights_folder
    from training.self_play.resident_program import make_game
    from training.studies.throughput import contestants as ways
    from training.studies.throughput.peers.peer_networks import perceptron_weights

    folder = arguments.weights or default_weights_folder()
    weights, config = perceptron_weights(_HIDDEN), chess_config(folder, arguments.set)
    assert config.network is not None
    environment, agent = make_game(config)
    # First, since a package may be missing.
    searched = []
    if not arguments.without_alphazero:
        searched = [ways.alphazero_example("chess", arguments.alphazero_games, _ALPHAZERO_MOVES)]
    player = ways.recursive_player(agent, config.network, folder)
    return [
        ways.resident_rollout("resident rollout", config, environment, player),
        ways.resident_rollout("resident rollout, perceptron", config, environment, ways.perceptron_player(weights)),
        ways.resident_iteration("resident iteration", config, environment, agent, player.params),
        *searched,
        ways.numpy_loop(weights, _NUMPY_MOVES),
        ways.evaluator_loop(folder, player, _EVALUATOR_MOVES),
    ]


def chess_config(folder: Path, overrides: Sequence[str]) -> "SelfPlayConfig":
    """Returns the settings of `recursezero self-play --preset chess` for the network of a folder, whatever its shape.

    Args:
      folder: of the network.
      overrides: of the settings, as FIELD=VALUE.
    """
    from engine.frozen_config import with_overrides
    from training.distillation.trained_network import network_config
    from training.self_play.self_play_presets import self_play_preset

    return with_overrides(self_play_preset("chess", network_config(folder)), overrides)


def race_table(contestants: Sequence["Contestant"], times: "TimedTurns") -> list[str]:
    """Returns a line for each contestant; the ± of a ratio is the standard error of its mean over the rounds.

    Args:
      contestants: the first is compared with the others.
      times: of their turns.
    """
    first = contestants[0].name
    lines = [f"{'':<40}{'positions/s':>12}{'parameters':>12}{'MFLOP x evaluations':>21}  {first} is faster by"]
    for number, each in enumerate(contestants):
        cost = f"{each.flops / 1e6:.1f} x {each.evaluations}" if each.evaluations else "and learning"
        ratio = ""
        if number:
            faster = times.ratio(number)
            error = "?" if faster.standard_error is None else f"{faster.standard_error:.2g}"
            ratio = f"  {faster.mean:.3g} ± {error} times"
        lines.append(f"{each.name:<40}{times.rate(number):>12.1f}{each.parameters:>12,}{cost:>21}{ratio}".rstrip())
    lines += [f"{each.name}: {each.conditions}, {each.positions} positions a turn" for each in contestants]
    return lines
