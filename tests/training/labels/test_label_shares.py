"""The shares of a labelling: who gets which, and where it goes on."""

import pytest

from training.labels.label_shares import LabelShares, Share
from training.labels.label_source import KnownPositions


def taken(shares: LabelShares) -> Share:
    share = shares.take()
    assert share is not None
    return share


def test_a_share_is_begun_again_after_its_last_game_and_knows_what_was_labelled() -> None:
    known = KnownPositions([5])
    shares = LabelShares("1.", known)
    shares.divide(2, endless=True)
    first, second = taken(shares), taken(shares)
    assert (first.number, second.number, first.first_game) == (0, 1, 0) and not len(first.labelled)
    shares.delivered(second, "1.1.0")
    shares.delivered(second, "1.1.7")
    shares.skipped(second)
    known.add(6)
    shares.lost(second, "killed")
    again = taken(shares)
    assert (again.number, again.first_game, again.skipped) == (1, 8, 1) and again.labelled.tolist() == [6]
    assert taken(shares).number == 2


def test_files_have_so_many_shares_and_no_more() -> None:
    shares = LabelShares("1.@", KnownPositions())
    shares.divide(2, endless=False)
    assert [taken(shares).number, taken(shares).number] == [0, 1] and shares.take() is None


def test_games_of_other_sources_and_seeds_count_for_nobody() -> None:
    shares = LabelShares("1.", KnownPositions())
    shares.divide(1, endless=True)
    for group in ("1.s0.4", "11.0.4", "2.0.4", "1.@file.4", "puzzle"):
        shares.played(group)
    assert taken(shares).first_game == 0


def test_a_share_that_only_fails_ends_the_run() -> None:
    shares = LabelShares("1.", KnownPositions())
    shares.divide(1, endless=True)
    for _ in range(4):
        shares.lost(taken(shares), "a crash")
    shares.delivered(Share(0, 1, 0, 0, KnownPositions().added()), "1.0.0")
    for _ in range(4):
        shares.lost(taken(shares), "a crash")
    with pytest.raises(ValueError, match="share 0 of the positions to be labelled, got 5 failures in a row; the last"):
        shares.lost(taken(shares), "a crash")
