"""Learns games from random weights and checks how well they are then played.

Every game has its preset, its time and its goals; seeds are fixed. Ends with 0 if all goals are met, with 1 if not.
"""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.command_line import print_written
from engine.command_options import add_clock, add_example, add_settings, positive_number

if TYPE_CHECKING:
    from training.self_play.self_play_config import SelfPlayConfig


class Goal(NamedTuple):
    """What is expected after a game was learned."""

    opponent: str
    least_score: float  # wins and half the draws as a share of all games
    may_lose: bool


class Check(NamedTuple):
    """How long a game is learned, and its goals."""

    minutes: float  # of the loop; compiling and the last games come on top
    goals: tuple[Goal, ...]


CHECKS: dict[str, Check] = {
    "tic_tac_toe": Check(2.0, (Goal("perfect", 0.0, False),)),
    "connect_four": Check(18.0, (Goal("random", 0.95, True), Goal("tactical", 0.80, True))),
    "gardner_chess": Check(37.0, (Goal("random", 0.90, True),)),
    # Random weights draw most games against random moves and lose nearly all against the player of exchanges.
    "chess-zero": Check(10.0, (Goal("random", 0.65, True), Goal("exchange", 0.20, True))),
}


def add_learn_check(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero learn-check`."""
    add = parser.add_argument
    add("--game", action="append", choices=list(CHECKS), help="learn this game; repeatable (default: all)")
    add("--out", type=Path, metavar="DIR", help="folder for the runs (default: a temporary one)")
    add("--minutes", type=positive_number, metavar="X", help="time to train for each game (default: its own)")
    add_clock(parser)
    add_settings(parser, _settings, "every run")
    add_example(parser, "recursezero learn-check --game connect_four --set muesli.weights.cmpo=0")
    parser.set_defaults(work=_check)


def _settings(_arguments: argparse.Namespace) -> "SelfPlayConfig":
    from training.self_play.self_play_presets import self_play_preset

    return self_play_preset(next(iter(CHECKS)))


def _check(arguments: argparse.Namespace) -> int:
    runs = arguments.out or Path(tempfile.mkdtemp(prefix="learn-check-"))
    games = arguments.game or list(CHECKS)
    is_passed = all([_passes(game, runs / game, arguments) for game in games])
    print_written(runs)
    return 0 if is_passed else 1


def _passes(game: str, folder: Path, arguments: argparse.Namespace) -> bool:
    from engine.frozen_config import with_overrides
    from training.runs.run_clock import Plan
    from training.runs.training_loop import TrainingLoop
    from training.self_play.self_play_presets import self_play_preset
    from training.self_play.self_play_run import SelfPlay

    if folder.exists():
        raise ValueError(f"expected a new folder for the run, got {folder}, which exists")
    check = CHECKS[game]
    minutes = arguments.minutes or check.minutes
    # Half of the time at the full learning rate, half to bring it to 0: normalised advantages never become small. Games
    # against the opponents come at the end alone: of chess they take minutes.
    plan = Plan(minutes=minutes, clock=arguments.clock, decay_share=0.5, validate_minutes=minutes, save_minutes=minutes)
    run = SelfPlay(with_overrides(self_play_preset(game), arguments.set))
    TrainingLoop(run, folder, plan).run()
    return all([_is_met(game, goal, *run.results[goal.opponent]) for goal in check.goals])


def _is_met(game: str, goal: Goal, wins: int, draws: int, losses: int) -> bool:
    score = (wins + 0.5 * draws) / (wins + draws + losses)
    is_met = score >= goal.least_score and (goal.may_lose or not losses)
    wanted = f"at least {goal.least_score:.0%}" if goal.may_lose else "no loss"
    verdict = "met" if is_met else "MISSED"
    print(f"{game} against {goal.opponent}: +{wins} ={draws} -{losses}, {score:.1%}, wanted {wanted}: {verdict}")
    return is_met
