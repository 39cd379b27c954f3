"""Games and matches between scripted players: every ending, faults, colours."""

import itertools

import chess
import pytest

from tests.doubles.scripted_player import ScriptedPlayer, play_match
from training.evaluation.engines.match_player import RandomPlayer
from training.evaluation.engines.time_control import TimeControl
from training.evaluation.match.adjudication import DrawRule, GameRules, ResignRule
from training.evaluation.match.game import GameRecord, play_game
from training.evaluation.match.match_score import summarize_match
from training.evaluation.match.opening_book import START, Opening, parse_opening


def play(white: str, black: str, opening: Opening = START, max_plies: int = 400) -> GameRecord:
    players = ScriptedPlayer("Ada", white.split()), ScriptedPlayer("Bob", black.split())
    return play_game(*players, opening, rules=GameRules(max_plies=max_plies))


def play_random(seed: int) -> GameRecord:
    return play_game(RandomPlayer(seed), RandomPlayer(seed + 1000), START, rules=GameRules(max_plies=10_000))


def outcome(record: GameRecord) -> tuple[str, str]:
    return record.result, record.termination


def test_checkmate() -> None:
    record = play("f2f3 g2g4", "e7e5 d8h4")
    assert outcome(record) == ("0-1", "checkmate")
    assert [move.uci() for move in record.moves] == ["f2f3", "e7e5", "g2g4", "d8h4"]
    assert record.fault is None


def test_a_position_occurring_three_times_is_a_draw() -> None:
    record = play("g1f3 f3g1", "g8f6 f6g8")
    assert outcome(record) == ("1/2-1/2", "threefold repetition")
    assert len(record.moves) == 8  # the start, after 4 plies, after 8 plies


def test_stalemate() -> None:
    # Sam Loyd's ten moves.
    white = "e2e3 d1h5 h5a5 a5c7 h2h4 c7d7 d7b7 b7b8 b8c8 c8e6"
    black = "a7a5 a8a6 h7h5 a6h6 f7f6 e8f7 d8d3 d3h7 f7g6"
    assert outcome(play(white, black)) == ("1/2-1/2", "stalemate")


def test_the_ply_limit_counts_the_opening() -> None:
    opening = parse_opening("x", "e2e4 e7e5 g1f3")
    record = play("f1e2 e1g1", "b8c6 g8f6", opening, max_plies=6)
    assert outcome(record) == ("1/2-1/2", "ply limit")
    assert len(record.moves) == 6
    assert record.moves[3].uci() == "b8c6"  # Black is to move after three plies


def test_fifty_moves_without_progress_are_a_draw() -> None:
    seeds = itertools.count()
    record = play_random(next(seeds))
    while record.termination != "fifty moves":
        record = play_random(next(seeds))
    board = chess.Board()
    for ply, move in enumerate(record.moves):
        zeroing = board.is_zeroing(move)
        assert ply < len(record.moves) - 100 or not zeroing
        board.push(move)
    assert board.halfmove_clock == 100
    assert record.white_points == 0.5


def test_an_illegal_move_loses() -> None:
    record = play("e2e4 e4e6", "e7e5")
    assert outcome(record) == ("0-1", "illegal move")
    assert record.fault is not None
    assert record.fault.text == "e4e6"
    assert record.fault.fen.split()[1] == "w"


def test_a_crash_and_a_late_move_lose() -> None:
    assert outcome(play("e2e4", "crash")) == ("1-0", "crash")
    assert outcome(play("late", "e7e5")) == ("0-1", "time loss")


def test_a_match_plays_each_opening_with_both_colours() -> None:
    first, second = ScriptedPlayer("Ada", ["late"]), ScriptedPlayer("Bob", ["e7e5", "crash"])
    openings = [parse_opening("a", "e2e4"), parse_opening("b", "d2d4")]
    games = play_match(first, second, openings)
    assert [(game.pair, game.record.white) for game in games] == [(0, "Ada"), (0, "Bob"), (1, "Ada"), (1, "Bob")]
    # With White Ada waits for Bob's e7e5 and is late; with Black she is to move at once.
    assert [game.first_points for game in games] == [0, 0, 0, 0]
    assert first.games_started == second.games_started == 4


def test_a_summary_by_hand() -> None:
    # Pair 1: Ada mates by Bc4, Qh5, Qxf7 in 7 plies; with White Bob has no knight on b8 to move.
    # Pair 2: after 2. f3 the queen cannot go to h5; with Black Ada has no bishop on f1.
    ada = ScriptedPlayer("Ada", ["f1c4", "d1h5", "h5f7"])
    bob = ScriptedPlayer("Bob", ["b8c6", "g8f6"])
    games = play_match(ada, bob, [parse_opening("a", "e2e4 e7e5"), parse_opening("b", "e2e4 e7e5 f2f3")])
    summary = summarize_match(games)
    assert (summary.games, summary.wins, summary.draws, summary.losses) == (4, 2, 0, 2)
    assert summary.distinct_games == 4
    assert summary.paired.pentanomial == (1, 0, 0, 0, 1)
    assert summary.first_faults == {"illegal move": 2, "crash": 0, "time loss": 0, "stall": 0}
    assert summary.second_faults == {"illegal move": 1, "crash": 0, "time loss": 0, "stall": 0}
    assert summary.terminations == {"illegal move": 3, "checkmate": 1}
    assert summary.mean_plies == (7 + 2 + 6 + 3) / 4
    assert len(summary.fault_texts) == 3
    assert summary.fault_texts[0].startswith("game 2: Bob: illegal move: b8c6 in ")


def test_equal_games_are_counted_once() -> None:
    openings = [START, START]
    games = play_match(ScriptedPlayer("Ada", ["crash"]), ScriptedPlayer("Bob", ["crash"]), openings)
    assert summarize_match(games).distinct_games == 1


def test_a_broken_pair_is_refused() -> None:
    games = play_match(ScriptedPlayer("A", ["crash"]), RandomPlayer(1), [START])
    with pytest.raises(ValueError, match="pairs of two games"):
        summarize_match(games[:1])
    with pytest.raises(ValueError, match="pairs of two games"):
        summarize_match([])


def test_random_players_repeat_by_seed_and_number_of_the_game() -> None:
    def moves(seed: int, number: int) -> tuple[chess.Move, ...]:
        players = RandomPlayer(seed), RandomPlayer(9)
        return play_game(*players, START, rules=GameRules(max_plies=60), number=number).moves

    assert moves(1, 4) == moves(1, 4)
    assert moves(1, 4) != moves(2, 4)
    assert moves(1, 4) != moves(1, 5)


def test_a_clock_runs_down_and_its_end_loses() -> None:
    # 1 s and 0.1 s a move, 0.42 s for each: 1 -> .68 -> .36, and the third move oversteps.
    clock = TimeControl(base_s=1, increment_s=0.1)
    white = ScriptedPlayer("Ada", ["g1f3", "f3g1", "b1c3", "c3b1"], seconds=0.42, clock=clock)
    black = ScriptedPlayer("Bob", ["g8f6", "f6g8", "b8c6", "c6b8"])
    record = play_game(white, black, START)
    assert outcome(record) == ("0-1", "time loss")
    assert record.fault is not None and record.fault.text == "0.420 s with 0.360 s on the clock"
    assert [face.white_s for face in white.faces] == pytest.approx([1, 0.68, 0.36])
    assert white.faces[0].white_increment_s == 0.1
    assert white.faces[0].black_s is None


def test_a_time_control_of_moves_gives_time_again() -> None:
    clock = TimeControl(base_s=1, moves=2)
    white = ScriptedPlayer("Ada", ["g1f3", "f3g1", "b1c3"], seconds=0.45, clock=clock)
    play_game(white, ScriptedPlayer("Bob", ["g8f6", "f6g8", "crash"]), START)
    assert [face.white_s for face in white.faces] == pytest.approx([1, 0.55, 1.1])
    assert [face.moves_to_go for face in white.faces] == [2, 1, 2]


def test_resignation_by_score_needs_a_row_of_bad_scores() -> None:
    rules = GameRules(resign=ResignRule(score_cp=600, moves=2))
    script, replies = ["g1f3", "f3g1", "b1c3", "c3b1"], ["g8f6", "f6g8", "b8c6", "c6b8"]
    black = ScriptedPlayer("Bob", replies, scores_cp=[900])
    record = play_game(ScriptedPlayer("Ada", script, scores_cp=[-600, -599, -600, -601]), black, START, rules=rules)
    assert outcome(record) == ("0-1", "adjudicated win")
    assert len(record.moves) == 7
    patient = play_game(ScriptedPlayer("Ada", script, scores_cp=[-600, 0]), black, START, rules=rules)
    assert patient.termination == "threefold repetition"


def test_a_draw_by_score_needs_both_sides_and_the_move_number() -> None:
    script, replies = ["g1f3", "f3g1", "b1c3", "c3b1"], ["g8f6", "f6g8", "b8c6", "c6b8"]

    def plies(after: int, black_score: int) -> int:
        rules = GameRules(draw=DrawRule(score_cp=10, moves=1, after=after))
        white = ScriptedPlayer("Ada", script, scores_cp=[-10])
        record = play_game(white, ScriptedPlayer("Bob", replies, scores_cp=[black_score]), START, rules=rules)
        assert record.white_points == 0.5
        return len(record.moves)

    assert plies(after=1, black_score=10) == 2
    assert plies(after=3, black_score=10) == 5
    assert plies(after=1, black_score=11) == 8  # threefold repetition
