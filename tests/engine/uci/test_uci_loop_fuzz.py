import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.fuzz_lines import LineMaker, Referee
from tests.doubles.talk import Talk

# A failure of this program is reported with this line and a traceback on standard error.
_FAULT = ("Error: ", "Exception: ")


def _converse(rng: random.Random, lines: int) -> int:
    """Returns the number of goes answered."""
    talk, referee, maker = Talk(patience_s=60.0), Referee(), LineMaker(rng)
    for _ in range(lines):
        line = maker.line()
        referee.sent(line)
        for answer in talk.say(line):
            assert not any(fault in answer for fault in _FAULT), (line, answer)
            referee.received(answer)
    referee.sent("stop")
    for answer in talk.say("stop"):
        referee.received(answer)
    referee.at_rest()
    return referee.answered


@given(st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_any_conversation_keeps_the_rules(rng: random.Random, lines: int) -> None:
    _converse(rng, lines)


@pytest.mark.parametrize("seed", range(3))
def test_long_conversations_keep_the_rules(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert _converse(random.Random(seed), 800) > 100
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
