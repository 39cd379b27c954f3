"""Games as PGN: read back by python-chess, by hand, and by a program made for fastchess's PGN."""

import io
from dataclasses import replace

import chess
import chess.pgn
import pytest
from mache import match_estimate, match_terminations

from engine.files.pgn_games import PgnGame, games_of_text
from tests.doubles.scripted_player import ScriptedPlayer, play_match
from training.evaluation.engines.match_player import Thought
from training.evaluation.failures import EvaluationError
from training.evaluation.match.game import GameRecord, MatchGame, play_game
from training.evaluation.match.match_score import summarize_match
from training.evaluation.match.opening_book import START, Opening
from training.evaluation.match.pgn_output import game_to_pgn


def test_pgn_reads_back() -> None:
    games = play_match(
        ScriptedPlayer("Ada", ["e2e4", "crash"], scores_cp=[35]), ScriptedPlayer("Bob", ["c7c5"]), [START]
    )
    text = "".join(game_to_pgn(game, "Test", ("nodes=1", "nodes=9")) for game in games)
    stream = io.StringIO(text)
    first, second = chess.pgn.read_game(stream), chess.pgn.read_game(stream)
    assert first is not None and second is not None
    assert chess.pgn.read_game(stream) is None
    varying = {"Date": "", "GameStartTime": "", "GameEndTime": "", "GameDuration": ""}
    assert dict(first.headers) | varying == {
        "Event": "Test",
        "Site": "?",
        "Round": "1",
        "White": "Ada",
        "Black": "Bob",
        "Result": "0-1",
        "Opening": "Starting position",
        "Termination": "abandoned",
        "PlyCount": "2",
        "TimeControl": "-",
        "WhiteLimit": "nodes=1",
        "BlackLimit": "nodes=9",
        **varying,
    }
    assert [move.uci() for move in first.mainline_moves()] == ["e2e4", "c7c5"]
    assert [node.comment for node in first.mainline()] == ["+0.35/1 0.000s", "0.00/1 0.000s, White disconnects"]
    # Bob's c7c5 is illegal for White on the first move.
    assert (second.headers["White"], second.headers["Result"], second.headers["Round"]) == ("Bob", "0-1", "1")
    assert second.headers["Termination"] == "illegal move"
    assert (second.headers["WhiteLimit"], second.headers["BlackLimit"]) == ("nodes=9", "nodes=1")


def test_pgn_of_a_position_and_of_book_moves() -> None:
    fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"
    opening = Opening(name="pawn", moves=(chess.Move.from_uci("e2e4"),), start_fen=fen)
    white = ScriptedPlayer("Ada", ["e1e2"])
    game = MatchGame(pair=2, first_is_white=True, record=play_game(white, ScriptedPlayer("Bob", ["e8e7"]), opening))
    read = chess.pgn.read_game(io.StringIO(game_to_pgn(game, "Test", ("tc=1+0.01", "tc=1+0.01"))))
    assert read is not None
    assert (read.headers["FEN"], read.headers["SetUp"], read.headers["Round"]) == (fen, "1", "3")
    assert read.headers["TimeControl"] == "1+0.01"
    assert [node.comment for node in read.mainline()][0] == "book"


@pytest.mark.parametrize(
    ("limits", "tags"),
    [
        (("tc=40/60+1", "tc=40/60+1"), {"TimeControl": "40/60+1"}),
        (("tc=1+0.01", "tc=2"), {"WhiteTimeControl": "1+0.01", "BlackTimeControl": "2"}),
        (("movetime=100", "movetime=100"), {"TimeControl": "0.1/move"}),
        (("depth=3", "depth=3"), {"TimeControl": "-", "WhiteLimit": "depth=3", "BlackLimit": "depth=3"}),
        (
            ("nodes=1", "tc=5"),
            {"WhiteTimeControl": "-", "BlackTimeControl": "5", "WhiteLimit": "nodes=1", "BlackLimit": "tc=5"},
        ),
    ],
)
def test_pgn_names_limits_and_times(limits: tuple[str, str], tags: dict[str, str]) -> None:
    record = GameRecord(
        white="Ada",
        black="Bob",
        opening=START,
        moves=(),
        white_points=0.5,
        termination="ply limit",
        started_utc="2026-11-22T23:59:30+00:00",
        duration_s=75.2,
    )
    read = chess.pgn.read_game(
        io.StringIO(game_to_pgn(MatchGame(pair=0, first_is_white=True, record=record), "T", limits))
    )
    assert read is not None
    times = {"GameStartTime": "2026-11-22T23:59:30+00:00", "GameEndTime": "2026-11-23T00:00:45+00:00"}
    assert {name: text for name, text in read.headers.items() if "Time" in name or "Limit" in name} == times | tags


def test_mate_scores_are_counted_in_plies() -> None:
    def comment(mate: int) -> str:
        record = GameRecord(
            white="Ada",
            black="Bob",
            opening=START,
            moves=(chess.Move.from_uci("e2e4"),),
            white_points=0.5,
            termination="ply limit",
            thoughts=(Thought(mate=mate, depth=4, nodes=9, elapsed_s=0.0126),),
        )
        return game_to_pgn(MatchGame(pair=0, first_is_white=True, record=record), "Test")

    assert "1. e4 {+M3/4 0.013s, n=9, Draw by adjudication: maximum length} 1/2-1/2" in comment(2).replace("\n", " ")
    assert "-M4/4" in comment(-2)


def test_mache_reads_the_same_pairs_and_endings() -> None:
    games = [
        _game(pair, points) for pair, points in enumerate([(0, 1), (1, 0), (1, 0.5), (0.5, 0.5), (0, 0.5), (1, 1)])
    ]
    summary = summarize_match([game for both in games for game in both])
    text = "".join(game_to_pgn(game, "Test", ("nodes=1", "tc=1+0.01")) for both in games for game in both)
    rounds, _ = match_estimate.read_games(text, "Ada")
    points, left_over = match_estimate.pair_up(rounds)
    assert (
        [points.count(number) for number in (0, 0.5, 1, 1.5, 2)] == list(summary.paired.pentanomial) == [1, 1, 2, 1, 1]
    )
    assert not left_over
    totals, _ = match_terminations.count(text)
    assert totals["illegal move"] == sum(game.record.white_points != 0.5 for both in games for game in both)


def _game(pair: int, white_points: tuple[float, float]) -> tuple[MatchGame, MatchGame]:
    """Returns two games of Ada, who has White first, with these points of White."""

    def record(white: str, black: str, points: float) -> GameRecord:
        ending = "ply limit" if points == 0.5 else "illegal move"
        move = chess.Move.from_uci("e2e4")
        return GameRecord(
            white=white, black=black, opening=START, moves=(move,), white_points=points, termination=ending
        )

    return (
        MatchGame(pair=pair, first_is_white=True, record=record("Ada", "Bob", white_points[0])),
        MatchGame(pair=pair, first_is_white=False, record=record("Bob", "Ada", white_points[1])),
    )


def test_names_are_escaped_and_read_back() -> None:
    names = 'Ada "the\nengine"', "C:\\engines\\bob\\"
    opening = Opening(name='"Best" by \\test\\', moves=())
    record = play_game(ScriptedPlayer(names[0], ["e2e4"]), ScriptedPlayer(names[1], ["crash"]), opening)
    text = game_to_pgn(MatchGame(pair=0, first_is_white=True, record=record), "Test {x}")
    assert '[White "Ada \\"the engine\\""]\n[Black "C:\\\\engines\\\\bob\\\\"]\n' in text
    (read,) = games_of_text([text], "x.pgn")
    assert isinstance(read, PgnGame)
    assert (read.tags["White"], read.tags["Black"]) == ('Ada "the engine"', names[1])
    assert read.tags["Opening"] == opening.name and [move.uci() for move in read.moves] == ["e2e4"]


def test_a_null_move_is_not_written_as_chess() -> None:
    record = play_game(ScriptedPlayer("Ada", ["e2e4"]), ScriptedPlayer("Bob", ["crash"]), START)
    game = MatchGame(pair=0, first_is_white=True, record=replace(record, moves=(*record.moves, chess.Move.null())))
    with pytest.raises(EvaluationError, match="null move in game 1"):
        game_to_pgn(game, "Test")
