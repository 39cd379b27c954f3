"""Learns small games from random weights and checks how well they are then played: `make learn-check`.

    recursezero learn-check --game tic_tac_toe
    recursezero learn-check --game connect_four --set muesli.weights.cmpo=0 --runs runs/ablation

Every game has its preset, its time and its goals; seeds are fixed. `--clock cpu` counts the processor's time, for a
machine that others use too. Ends with 0 if all goals are met, with 1 if not.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from engine.command_line import exit_status


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
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero learn-check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--game", action="append", choices=list(CHECKS), help="repeatable (default all)")
    parser.add_argument("--runs", type=Path, help="folder for the runs (default a temporary one)")
    parser.add_argument("--minutes", type=float, help="time for each game (default its own)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what a minute is (default wall)")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="override a setting")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0 if all goals are met, 1 if not, 2 after one line on stderr that says what was wrong.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("learn_check", lambda: _check(arguments), (ValueError, OSError))


def _check(arguments: argparse.Namespace) -> int:
    runs = arguments.runs
    if runs is None:
        runs = Path(tempfile.mkdtemp(prefix="learn-check-"))
        print(f"runs in {runs}", file=sys.stderr)
    games = arguments.game or list(CHECKS)
    return 0 if all([_passes(game, runs / game, arguments) for game in games]) else 1


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
    # Half of the time at the full learning rate, half to bring it to 0: normalised advantages never become small.
    plan = Plan(
        minutes=minutes, clock=arguments.clock, decay_share=0.5, validate_minutes=minutes / 10, save_minutes=minutes
    )
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
