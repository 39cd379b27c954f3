"""The calls of the page on a tiny network: what they say, what they refuse, many callers at once."""

import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import chess
import numpy as np
import pytest

from engine.view.local_server import LocalServer
from engine.view.teacher_values import Teacher
from engine.view.view_api import ViewApi
from engine.view.view_site import view_site
from tests.engine.view.talk_http import Answer, ask, call, serving
from tests.engine.view.tiny_view import TINY, open_tiny
from tests.reference.random_games import varied_positions

MATE_IN_ONE = "r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    network = open_tiny()
    teacher = Teacher(shlex.join([sys.executable, str(Path(__file__).with_name("fake_teacher.py"))]), 0.05)
    with serving(view_site(ViewApi(network.capture, network.evaluator, network.facts, teacher))) as running:
        yield running
    teacher.close()


def answered(server: LocalServer, name: str, body: dict[str, Any]) -> Any:
    answer = call(server, f"/api/{name}", body)
    assert answer.status == 200, answer.body
    return answer.json()


def refusal(answer: Answer) -> str:
    assert answer.status == 400, answer.body
    content = answer.json()
    assert list(content) == ["error"] and len(content["error"]) < 500 and "\n" not in content["error"]
    return str(content["error"])


def test_info(server: LocalServer) -> None:
    info = ask(server, "GET", "/api/info").json()
    assert info["states"] == 9 and info["teacher"] is True
    network = info["network"]
    assert (network["name"], network["heads"], network["blocks"]) == ("tiny", TINY.heads, TINY.blocks)


def test_the_start_is_the_default(server: LocalServer) -> None:
    position = answered(server, "position", {})
    assert position["fen"] == chess.STARTING_FEN
    assert (position["turn"], position["ply"], position["over"], position["last_move"]) == ("white", 0, None, None)
    assert {"uci": "g1f3", "san": "Nf3"} in position["moves"] and len(position["moves"]) == 20


def test_a_position_says_what_the_evaluator_says(server: LocalServer) -> None:
    board = chess.Board()
    for text in ("e2e4", "c7c5", "g1f3"):
        board.push_uci(text)
    position = answered(server, "position", {"moves": ["e2e4", "c7c5", "g1f3"]})
    (expected,) = open_tiny().evaluator.evaluate([board])
    network = position["network"]
    assert [move["uci"] for move in position["moves"]] == [move.uci() for move in expected.moves]
    np.testing.assert_allclose(network["played"]["probabilities"], np.exp(expected.log_probs), atol=1e-6)
    np.testing.assert_allclose(network["played"]["wdl_to_move"], expected.wdl_to_move, atol=1e-6)
    assert network["played"]["steps"] == network["played"]["state"] == 3
    assert len(network["states"]) == 9
    for state in network["states"]:
        assert sum(state["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert sum(state["wdl_to_move"]) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(network["states"][3]["probabilities"], network["played"]["probabilities"], atol=2e-6)


def test_a_position_and_its_mirror_image_are_told_apart(server: LocalServer) -> None:
    board = chess.Board("4k3/2p5/8/8/8/5N2/8/4K3 w - - 5 9")
    mirrored = board.mirror()
    # The network sees both alike, a person does not.
    mirrored.fullmove_number = board.fullmove_number
    first, second = (answered(server, "position", {"fen": b.fen()}) for b in (board, mirrored))
    assert "e1d1" in [move["uci"] for move in first["moves"]]
    assert "e8d8" in [move["uci"] for move in second["moves"]]
    probability = [
        {m["uci"]: p for m, p in zip(a["moves"], a["network"]["played"]["probabilities"], strict=True)}
        for a in (first, second)
    ]
    assert probability[0]["e1d1"] == pytest.approx(probability[1]["e8d8"], abs=2e-6)
    squares = [answered(server, "attention", {"fen": b.fen()})["squares"] for b in (board, mirrored)]
    assert sorted(squares[0]) == ["c7", "e1", "e8", "f3"] and sorted(squares[1]) == ["c2", "e1", "e8", "f6"]


def test_the_move_is_the_players(server: LocalServer) -> None:
    # A mate is played whatever the policy says.
    assert answered(server, "position", {"fen": MATE_IN_ONE})["network"]["played"]["move"] == "f3f7"


@pytest.mark.parametrize(
    ("fen", "moves", "over"),
    [
        (MATE_IN_ONE, ["f3f7"], {"result": "1-0", "reason": "checkmate"}),
        ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", [], {"result": "1/2-1/2", "reason": "stalemate"}),
        ("7k/8/6K1/8/8/8/8/8 b - - 0 1", [], {"result": "1/2-1/2", "reason": "insufficient material"}),
        ("7k/8/6K1/8/8/8/8/Q7 b - - 100 90", [], {"result": "1/2-1/2", "reason": "fifty moves"}),
        (
            chess.STARTING_FEN,
            ["g1f3", "g8f6", "f3g1", "f6g8"] * 2,
            {"result": "1/2-1/2", "reason": "repetition"},
        ),
    ],
)
def test_the_end_of_a_game(server: LocalServer, fen: str, moves: list[str], over: dict[str, str]) -> None:
    position = answered(server, "position", {"fen": fen, "moves": moves})
    assert position["over"] == over
    # A draw that a player may claim can still be looked at.
    assert (position["network"] is None) == (not position["moves"])
    attention = answered(server, "attention", {"fen": fen, "moves": moves})
    assert (attention is None) == (not position["moves"])


def test_attention_is_that_of_the_trace(server: LocalServer) -> None:
    trace = open_tiny().capture.trace(chess.Board(MATE_IN_ONE))
    attention = answered(server, "attention", {"fen": MATE_IN_ONE, "state": 2})
    assert attention["squares"] == [chess.square_name(square) for square in trace.squares]
    np.testing.assert_allclose(attention["weights"], trace.attention[2], atol=6e-5)
    played = answered(server, "attention", {"fen": MATE_IN_ONE})
    assert played["state"] == 3 and played["weights"] != attention["weights"]


def test_a_game_and_its_course(server: LocalServer) -> None:
    game = answered(server, "game", {"pgn": '[White "A"]\n\n1. e4 e5 2. Qh5 Nc6 3. Bc4 Nf6 4. Qxf7# 1-0'})
    assert game["headers"]["White"] == "A" and len(game["moves"]) == 7
    course = answered(server, "course", {"fen": game["fen"], "moves": game["moves"]})
    assert course["sans"] == ["e4", "e5", "Qh5", "Nc6", "Bc4", "Nf6", "Qxf7#"]
    assert len(course["positions"]) == 8 and course["positions"][-1] is None
    assert [position["turn"] for position in course["positions"][:3]] == ["white", "black", "white"]
    (expected,) = open_tiny().evaluator.evaluate([chess.Board()])
    np.testing.assert_allclose(course["positions"][0]["wdl_to_move"], expected.wdl_to_move, atol=1e-5)


def test_a_long_game_has_a_course(server: LocalServer) -> None:
    moves = ["g1f3", "g8f6", "f3g1", "f6g8"] * 40
    assert len(answered(server, "course", {"moves": moves})["positions"]) == 161


def test_the_teacher(server: LocalServer) -> None:
    values = answered(server, "teacher", {"moves": ["e2e4"]})
    assert values["name"] == "Fake Teacher" and len(values["moves"]) == 20
    assert values["moves"][0] == {"move": "a7a5", "score_cp": None, "mate": 2, "expected_score": 1.0, "depth": 7}


def test_without_a_teacher_there_is_a_line() -> None:
    network = open_tiny()
    with serving(view_site(ViewApi(network.capture, network.evaluator, network.facts, None))) as server:
        answer = call(server, "/api/teacher", {})
        assert answer.status == 404 and "--teacher" in answer.json()["error"]
        assert ask(server, "GET", "/api/info").json()["teacher"] is False


def test_a_picture(server: LocalServer) -> None:
    plain = call(server, "/api/picture", {"fen": MATE_IN_ONE})
    assert plain.headers["content-type"] == "image/svg+xml"
    ElementTree.fromstring(plain.body)
    for change in (
        {"state": 0},
        {"square": "e1"},
        {"block": 0},
        {"head": 1},
        {"to_square": True},
        {"orientation": "black"},
    ):
        assert call(server, "/api/picture", {"fen": MATE_IN_ONE, **change}).body != plain.body, change


@pytest.mark.parametrize("name", ["position", "attention", "course", "teacher", "picture"])
@pytest.mark.parametrize(
    "body",
    [
        {"fen": "nonsense"},
        {"fen": 7},
        {"fen": None},
        {"fen": "8/8/8/8/8/8/8/8 w - - 0 1"},
        {"moves": "e2e4"},
        {"moves": [1]},
        {"moves": ["e2e5"]},
        {"moves": ["e2e4"] * 3000},
    ],
)
def test_an_impossible_position_is_refused(server: LocalServer, name: str, body: dict[str, Any]) -> None:
    assert refusal(call(server, f"/api/{name}", body)).startswith("expected")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("attention", {"state": 9}),
        ("attention", {"state": -1}),
        ("attention", {"state": True}),
        ("attention", {"state": "2"}),
        ("attention", {"state": 1e400}),
        ("picture", {"block": 2}),
        ("picture", {"head": 99}),
        ("picture", {"square": "i9"}),
        ("picture", {"square": ["a1"]}),
        ("picture", {"fen": "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"}),
        ("game", {}),
        ("game", {"pgn": 1}),
        ("game", {"pgn": "no game here"}),
    ],
)
def test_a_wrong_value_is_refused(server: LocalServer, name: str, body: dict[str, Any]) -> None:
    assert refusal(call(server, f"/api/{name}", body)).startswith("expected")


def test_a_huge_pgn_is_refused_and_a_large_one_is_read(server: LocalServer) -> None:
    assert call(server, "/api/game", {"pgn": "1. e4 " * 200_000}).status == 413
    comment = "{" + "x" * 200_000 + "}"
    assert answered(server, "game", {"pgn": f"1. e4 {comment} e5 *"})["moves"] == ["e2e4", "e7e5"]
    nested = "1. e4 " + "(1. d4 " * 5000
    assert call(server, "/api/game", {"pgn": nested}).status in (200, 400)


def test_twenty_callers_at_once(server: LocalServer) -> None:
    boards = [board for board in varied_positions(40, seed=3) if any(board.legal_moves)][:20]
    expected = {board.fen(): np.exp(open_tiny().capture.trace(board).log_probs[3]) for board in boards}

    def visit(board: chess.Board) -> None:
        for _ in range(3):
            position = answered(
                server, "position", {"fen": board.root().fen(), "moves": [m.uci() for m in board.move_stack]}
            )
            got = position["network"]["states"][3]["probabilities"]
            np.testing.assert_allclose(got, expected[board.fen()], atol=1e-5)
            assert call(server, "/api/attention", {"fen": "x"}).status == 400

    with ThreadPoolExecutor(max_workers=20) as pool:
        for result in [pool.submit(visit, board) for board in boards]:
            result.result()
