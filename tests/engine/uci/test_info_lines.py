"""Scores in every scale, and the lines of VerboseMoveStats as Nibbler reads them; their format is lc0's."""

import math
from typing import get_args

import chess
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.player.score import expected_score_to_cp
from engine.uci.info_lines import SCORES, centipawn, wdl_mu, win_minus_loss, win_percentage
from engine.uci.options import ScoreType
from tests.doubles.talk import Talk

_KEYS = ("string", "N:", "(D:", "(U:", "(S:", "(P:", "(Q:", "(V:", "(M:")


def _read(line: str) -> dict[str, str]:
    """Returns what follows each key, as Nibbler's InfoValMany does."""
    words = line.split()
    return {key: words[words.index(key) + 1] for key in _KEYS}


def _number(text: str) -> float:
    """Returns JavaScript's parseFloat of a value such as `12.50%)`."""
    try:
        return float(text.rstrip(")%"))
    except ValueError:
        return math.nan


def _stats(talk: Talk, *lines: str) -> list[str]:
    return [line for line in talk.say(*lines) if line.startswith("info string")]


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.say("setoption name VerboseMoveStats value true")
    return talk


def test_every_move_has_a_line_and_the_position_the_last(talk: Talk) -> None:
    *moves, node = _stats(talk, "position startpos", "go")
    values = [_read(line) for line in moves]
    assert {value["string"] for value in values} == {move.uci() for move in chess.Board().legal_moves}
    percents = [_number(value["(P:"]) for value in values]
    assert percents == sorted(percents) and sum(percents) == pytest.approx(100.0, abs=0.2)
    assert values[-1]["string"] == "e2e4" and percents[-1] == pytest.approx(100 * 4 / 24, abs=0.01)
    root = _read(node)
    assert root["string"] == "node" and root["N:"] == "21" and _number(root["(P:"]) == 100.0
    assert _number(root["(Q:"]) == pytest.approx(0.3) and _number(root["(D:"]) == 0.3


def test_values_are_those_of_the_side_that_moves(talk: Talk) -> None:
    for line in _stats(talk, "position startpos", "go")[:-1]:
        value = _read(line)
        assert value["N:"] == "1" and _number(value["(Q:"]) == _number(value["(V:"]) == -0.3
        assert _number(value["(S:"]) == -0.3 and math.isnan(_number(value["(M:"]))


def test_moves_that_were_not_looked_at_have_no_value(talk: Talk) -> None:
    talk.say("go")  # from now on the time of an evaluation is known
    value = _read(_stats(talk, "position startpos moves e2e4", "go wtime 1 btime 1")[0])
    assert value["N:"] == "0" and math.isnan(_number(value["(V:"])) and not math.isnan(_number(value["(Q:"]))


def test_finished_games_have_the_value_of_the_rules(talk: Talk) -> None:
    lines = _stats(talk, "position fen 7k/5K2/8/6Q1/8/8/8/8 w - - 0 1", "go")
    values = {_read(line)["string"]: _read(line) for line in lines}
    assert _number(values["g5g7"]["(Q:"]) == 1.0 and _number(values["g5g6"]["(D:"]) == 1.0


def test_the_lines_come_before_the_ones_with_a_score(talk: Talk) -> None:
    lines = talk.say("setoption name MultiPV value 2", "go")
    assert [line.split()[1] for line in lines[-3:]] == ["depth", "depth", "e2e4"]
    assert talk.evaluator.batches == [1, 20]


_PERMILLE = st.integers(0, 1000)


def test_every_name_has_a_function() -> None:
    assert list(SCORES) == list(get_args(ScoreType))


@pytest.mark.parametrize("name", get_args(ScoreType))
@given(win=_PERMILLE, loss=_PERMILLE)
def test_the_other_sides_score_is_the_negative_or_the_rest(name: ScoreType, win: int, loss: int) -> None:
    assume(win + loss <= 1000)
    shares = (win / 1000, (1000 - win - loss) / 1000, loss / 1000)
    ours, theirs = SCORES[name](*shares), SCORES[name](*shares[::-1])
    assert isinstance(ours, int)
    assert ours + theirs == (10_000 if name == "win_percentage" else 0)


@given(st.tuples(_PERMILLE, _PERMILLE), st.integers(1, 300))
def test_turning_losses_into_wins_never_lowers_the_score(shares: tuple[int, int], turned: int) -> None:
    win, loss = shares
    assume(win + loss <= 1000 and turned <= loss)
    before = (win / 1000, (1000 - win - loss) / 1000, loss / 1000)
    after = (before[0] + turned / 1000, before[1], before[2] - turned / 1000)
    for name in ("centipawn", "win_percentage", "Q", "W-L"):
        assert SCORES[name](*after) >= SCORES[name](*before)


def test_worked_examples() -> None:
    assert centipawn(0.5, 0.3, 0.2) == expected_score_to_cp(0.65) == 168
    assert win_percentage(0.5, 0.3, 0.2) == 6500
    assert win_minus_loss(0.5, 0.3, 0.2) == 3000
    # log(1 / 0.2 - 1) = 1.386 and log(1 / 0.4 - 1) = 0.405: 0.981 / 1.792.
    assert wdl_mu(0.4, 0.4, 0.2) == 55
    assert wdl_mu(0.2, 0.4, 0.4) == -55 and wdl_mu(0.3, 0.4, 0.3) == 0


@pytest.mark.parametrize(
    "shares", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.0, 0.5), (0.7, 0.0, 0.3), (0.001, 0.998, 0.001)]
)
def test_where_the_logistic_does_not_hold_centipawns_are_shown(shares: tuple[float, float, float]) -> None:
    assert wdl_mu(*shares) == centipawn(*shares)
