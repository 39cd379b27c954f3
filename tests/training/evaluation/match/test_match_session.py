"""Matches as a whole: the same games at any concurrency, after any interruption; the test's stop."""

import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chess
import pytest

from training.evaluation.engines.engine_spec import EngineSpec
from training.evaluation.engines.match_player import ChosenMove, RandomPlayer, Thought
from training.evaluation.engines.time_control import NO_CLOCKS, ClockFace, MoveLimit
from training.evaluation.failures import EvaluationError, MoveFailure
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.cluster_games import PairJob, PairPlayer
from training.evaluation.match.game import GameRecord, MatchGame
from training.evaluation.match.match_runner import LocalGames, PlayerPool, game_slots, run_games
from training.evaluation.match.match_score import MatchScore
from training.evaluation.match.match_session import MatchOutcome, MatchPlan, hold_match
from training.evaluation.match.match_store import MatchStore, game_from_json, game_to_json
from training.evaluation.match.opening_book import START, balanced_openings, draw_openings
from training.evaluation.match.sprt import Sprt

OPENINGS = draw_openings(balanced_openings(), 6, seed=2)
RULES = GameRules(max_plies=40)
SETTINGS = {"first": {"options": {"A": "1"}}, "rules": 40}


class LoserPlayer(RandomPlayer):
    """Fails in the first game it plays with Black and, after `interrupt_at` games, is interrupted."""

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        if board.turn == chess.BLACK:
            raise MoveFailure("crash", "on purpose")
        return super().choose_move(board, clocks)


def hold(
    store: MatchStore,
    *,
    concurrency: int = 1,
    sprt: Sprt | None = None,
    second: Callable[[], RandomPlayer] = lambda: RandomPlayer(2),
    pgn: Path | None = None,
) -> MatchOutcome:
    plan = MatchPlan(openings=OPENINGS, rules=RULES, sprt=sprt, pgn_file=pgn)
    with PlayerPool(lambda: RandomPlayer(1)) as first_pool, PlayerPool(second) as second_pool:
        return hold_match(plan, LocalGames(first_pool, second_pool, concurrency), store)


def moves(games: Sequence[MatchGame]) -> list[tuple[int, tuple[chess.Move, ...]]]:
    return [(game.number, game.record.moves) for game in games]


def test_games_do_not_depend_on_how_many_are_played_at_once(tmp_path: Path) -> None:
    texts = []
    for concurrency in (1, 4):
        pgn = tmp_path / f"{concurrency}.pgn"
        outcome = hold(MatchStore(None, {}, OPENINGS), concurrency=concurrency, pgn=pgn)
        assert [game.number for game in outcome.games] == list(range(1, 13))
        assert [game.record.opening for game in outcome.games] == [o for o in OPENINGS for _ in range(2)]
        lines = [line for line in pgn.read_text().splitlines() if "Time" not in line and "Date" not in line]
        texts.append((moves(outcome.games), [line for line in lines if "Duration" not in line]))
    assert texts[0] == texts[1]
    assert outcome.names == ("uniform random mover (1)", "uniform random mover (2)")


def test_an_interrupted_match_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = hold(MatchStore(None, {}, OPENINGS))
    path = tmp_path / "games.jsonl"
    hold(MatchStore(path, SETTINGS, OPENINGS), concurrency=3)
    header, *lines = path.read_text().splitlines()
    random.Random(1).shuffle(lines)
    # Five games had ended, in whatever order, and the sixth was being written.
    path.write_text("\n".join([header, *lines[:5], lines[5][:40]]))
    store = MatchStore(path, SETTINGS, OPENINGS, resume=True)
    assert len(store.games) == 5
    outcome = hold(store, concurrency=2)
    assert moves(outcome.games) == moves(whole.games)
    again = MatchStore(path, SETTINGS, OPENINGS, resume=True)
    assert len(again.games) == 12
    # Nothing is left to play: no player starts.
    assert moves(hold(again, second=lambda: pytest.fail("started")).games) == moves(whole.games)


def test_a_keyboard_interrupt_keeps_finished_games(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MatchStore(tmp_path / "games.jsonl", SETTINGS, OPENINGS)
    add = store.add

    def add_some(game: MatchGame) -> None:
        if len(store.games) == 5:
            raise KeyboardInterrupt
        add(game)

    monkeypatch.setattr(store, "add", add_some)
    pgn = tmp_path / "games.pgn"
    outcome = hold(store, pgn=pgn)
    assert outcome.interrupted
    assert [game.number for game in outcome.games] == [1, 2, 3, 4]
    assert pgn.read_text().count("[Event ") == 5
    resumed = hold(MatchStore(tmp_path / "games.jsonl", SETTINGS, OPENINGS, resume=True), pgn=pgn)
    assert moves(resumed.games) == moves(hold(MatchStore(None, {}, OPENINGS)).games)
    assert pgn.read_text().count("[Event ") == 12


def test_a_saved_match_is_neither_overwritten_nor_mixed_with_another(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    MatchStore(path, SETTINGS, OPENINGS)
    with pytest.raises(EvaluationError, match="expected --resume"):
        MatchStore(path, SETTINGS, OPENINGS)
    other = {**SETTINGS, "first": {"options": {"A": "2"}}}
    with pytest.raises(EvaluationError, match=r"first options A '1', got '2'"):
        MatchStore(path, other, OPENINGS, resume=True)
    with pytest.raises(EvaluationError, match="rules 40, got None"):
        MatchStore(path, {"first": SETTINGS["first"]}, OPENINGS, resume=True)
    path.write_text("1. e4 e5\n")
    with pytest.raises(EvaluationError, match="expected a file of a saved match"):
        MatchStore(path, SETTINGS, OPENINGS, resume=True)
    with pytest.raises(EvaluationError, match="read and written"):
        MatchStore(tmp_path / "absent" / "x", SETTINGS, OPENINGS)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_sequential_test_ends_the_match_at_the_same_pair(tmp_path: Path, concurrency: int) -> None:
    # The second player loses with Black and draws with White: every pair has 1.5 points. Under +200 a
    # pair has .76 of the points, so .96 of the pairs may be such; under 0 only 2/3 (the rest has none):
    # log(.96 / .667) = .365 a pair, and the bound log(.8 / .2) = 1.386 is passed by the fourth pair.
    pgn = tmp_path / "games.pgn"
    sprt = Sprt(elo0=0, elo1=200, alpha=0.2, beta=0.2)
    store = MatchStore(None, {}, OPENINGS)
    outcome = hold(store, concurrency=concurrency, sprt=sprt, second=lambda: LoserPlayer(2), pgn=pgn)
    assert outcome.score.verdict == "accepted"
    assert [game.number for game in outcome.games] == list(range(1, 9))
    assert pgn.read_text().count("[Event ") == 8
    again = hold(store, concurrency=concurrency, sprt=sprt, second=lambda: pytest.fail("started"))
    assert moves(again.games) == moves(outcome.games)


def test_a_player_that_does_not_start_ends_the_match() -> None:
    def fail() -> RandomPlayer:
        raise EvaluationError("no such engine")

    with PlayerPool(lambda: RandomPlayer(1)) as first, PlayerPool(fail) as second:
        games = run_games(game_slots(OPENINGS), first, second, names=("A", "B"), rules=RULES, concurrency=2)
        with pytest.raises(EvaluationError, match="no such engine"):
            list(games)


def result(pair: int, first_is_white: bool, points: float) -> MatchGame:
    white_points = points if first_is_white else 1 - points
    record = GameRecord(
        white="A", black="B", opening=START, moves=(), white_points=white_points, termination="stalemate"
    )
    return MatchGame(pair=pair, first_is_white=first_is_white, record=record)


def test_only_whole_pairs_count_and_any_order_is_the_same() -> None:
    games = [result(0, True, 1), result(0, False, 0.5), result(1, True, 0), result(2, False, 1), result(2, True, 1)]
    lines = set()
    for seed in range(4):
        score = MatchScore(Sprt(elo0=0, elo1=10))
        shuffled = list(games)
        random.Random(seed).shuffle(shuffled)
        for one in shuffled:
            score.add(one)
        assert [one.number for one in score.counted()] == [1, 2, 5, 6]
        lines.add(score.line())
    assert len(lines) == 1
    assert lines.pop().startswith("3-1-1 W-D-L, Elo +338 ±")


def test_games_after_the_verdict_do_not_count() -> None:
    score = MatchScore(Sprt(elo0=0, elo1=300))
    won = [result(pair, first_is_white, 1) for pair in range(20) for first_is_white in (True, False)]
    for game in [*won[2:], *won[:2]]:
        assert score.verdict is None
        score.add(game)
    assert score.verdict == "accepted"
    assert [game.number for game in score.counted()] == list(range(1, int(score.last_number) + 1))
    assert score.last_number < 40
    assert (score.last_number, score.ratio) == _in_order(won)


def _in_order(games: Sequence[MatchGame]) -> tuple[float, float]:
    score = MatchScore(Sprt(elo0=0, elo1=300))
    for game in games:
        if score.verdict is None:
            score.add(game)
    return score.last_number, score.ratio


def test_games_are_written_as_they_are_read() -> None:
    outcome = hold(MatchStore(None, {}, OPENINGS), second=lambda: LoserPlayer(2))
    for game in outcome.games:
        assert game_from_json(game_to_json(game), OPENINGS) == game
    thought = Thought(elapsed_s=0.5, score_cp=-3, mate=None, depth=4, nodes=5)
    record = GameRecord(
        white="A", black="B", opening=START, moves=(), white_points=1, termination="checkmate", thoughts=(thought,)
    )
    once = MatchGame(pair=0, first_is_white=False, record=record)
    assert game_from_json(game_to_json(once), [START]) == once


def test_a_pair_is_played_only_by_the_engines_that_the_other_nodes_have() -> None:
    fake = Path(__file__).parents[3] / "doubles" / "fake_uci_engine.py"
    spec = EngineSpec(command=(sys.executable, str(fake)), options={}, limit=MoveLimit(nodes=1))
    player = PairPlayer(spec, spec)
    delivered: list[Any] = []
    player.work(PairJob(), delivered.append)
    slots = tuple(game_slots(OPENINGS[:1]))
    player.work(PairJob(slots=slots, names=("Fake 1 (1)", "Fake 1 (2)"), rules=RULES), delivered.append)
    assert delivered[0] == ("Fake 1", "Fake 1") and [game.number for game in delivered[1]] == [1, 2]
    with pytest.raises(EvaluationError, match="expected the same engines on all nodes, Fake 2, got Fake 1"):
        player.work(PairJob(slots=slots, names=("Fake 1", "Fake 2"), rules=RULES), delivered.append)
    player.close()
