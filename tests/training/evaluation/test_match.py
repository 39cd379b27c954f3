"""Games and matches between scripted players: every ending, faults, colours, PGN."""

import io
import itertools
from collections.abc import Sequence

import chess
import chess.pgn
import pytest

from training.evaluation.match import GameRecord, MatchGame, play_game, play_match
from training.evaluation.match_player import FaultKind, MoveFailure, RandomPlayer
from training.evaluation.match_summary import summarize_match
from training.evaluation.opening_book import START, Opening, parse_opening
from training.evaluation.pgn_output import game_to_pgn


class ScriptedPlayer:
    """Plays given moves in turn, then starts over; a `FaultKind` in the script fails instead."""

    def __init__(self, name: str, script: Sequence[str]) -> None:
        self.name = name
        self.games_started = 0
        self._script = list(script)
        self._played = 0

    def start_game(self) -> None:
        self.games_started += 1
        self._played = 0

    def choose_move(self, board: chess.Board) -> chess.Move:
        del board
        text = self._script[self._played % len(self._script)]
        self._played += 1
        kinds: dict[str, FaultKind] = {"crash": "crash", "late": "time loss"}
        if text in kinds:
            raise MoveFailure(kinds[text], "on purpose")
        return chess.Move.from_uci(text)

    def close(self) -> None:
        pass


def play(white: str, black: str, opening: Opening = START, max_plies: int = 400) -> GameRecord:
    players = ScriptedPlayer("Ada", white.split()), ScriptedPlayer("Bob", black.split())
    return play_game(*players, opening, max_plies=max_plies)


def play_random(seed: int) -> GameRecord:
    return play_game(RandomPlayer(seed), RandomPlayer(seed + 1000), START, max_plies=10_000)


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
    seen: list[MatchGame] = []
    games = play_match(first, second, openings, on_game=seen.append)
    assert seen == games
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
    assert summary.first_faults == {"illegal move": 2, "crash": 0, "time loss": 0}
    assert summary.second_faults == {"illegal move": 1, "crash": 0, "time loss": 0}
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


def test_pgn_reads_back() -> None:
    games = play_match(ScriptedPlayer("Ada", ["e2e4", "crash"]), ScriptedPlayer("Bob", ["c7c5"]), [START])
    text = "".join(game_to_pgn(game, "Test") for game in games)
    stream = io.StringIO(text)
    first, second = chess.pgn.read_game(stream), chess.pgn.read_game(stream)
    assert first is not None and second is not None
    assert chess.pgn.read_game(stream) is None
    assert dict(first.headers) | {"Date": "", "Site": ""} == {
        "Event": "Test",
        "Site": "",
        "Date": "",
        "Round": "1.1",
        "White": "Ada",
        "Black": "Bob",
        "Result": "0-1",
        "Opening": "Starting position",
        "Termination": "crash",
        "PlyCount": "2",
    }
    assert [move.uci() for move in first.mainline_moves()] == ["e2e4", "c7c5"]
    # Bob's c7c5 is illegal for White on the first move.
    assert (second.headers["White"], second.headers["Result"]) == ("Bob", "0-1")


def test_random_players_repeat_by_seed() -> None:
    def moves(seed: int) -> tuple[chess.Move, ...]:
        return play_game(RandomPlayer(seed), RandomPlayer(9), START, max_plies=60).moves

    assert moves(1) == moves(1)
    assert moves(1) != moves(2)
