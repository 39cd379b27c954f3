"""Arguments of command lines that train: how long a run goes on."""

import argparse

from training.runs.run_clock import Plan


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that `plan_of` reads."""
    parser.add_argument("--minutes", type=float, required=True, help="wall-clock time of this stretch")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what a minute is (default wall)")
    parser.add_argument("--steps", type=int, help="at most this many steps")
    parser.add_argument("--decay-share", type=float, default=0.0, help="share of the time with a falling learning rate")
    parser.add_argument("--restart-schedule", action="store_true", help="return to the peak learning rate")
    parser.add_argument("--validate-minutes", type=float, default=5.0, help="time between measures (default 5)")
    parser.add_argument("--save-minutes", type=float, default=4.0, help="time between checkpoints (default 4)")


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Returns the plan that the arguments ask for.

    Raises:
      ValueError: one of them is out of range.
    """
    return Plan(
        minutes=arguments.minutes,
        clock=arguments.clock,
        decay_share=arguments.decay_share,
        steps=arguments.steps,
        restarts_schedule=arguments.restart_schedule,
        validate_minutes=arguments.validate_minutes,
        save_minutes=arguments.save_minutes,
    )


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
