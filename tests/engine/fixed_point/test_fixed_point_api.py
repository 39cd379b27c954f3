"""The package is a library: its example runs, and its public names are those it lists."""

import doctest

from engine import fixed_point


def test_the_example_of_the_package_runs() -> None:
    result = doctest.testmod(fixed_point)
    assert result.attempted >= 7 and result.failed == 0


def test_public_names_are_documented() -> None:
    for name in fixed_point.__all__:
        assert name == "Gradient" or getattr(fixed_point, name).__doc__
