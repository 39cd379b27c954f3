"""The calls of the page on a tiny network: what they say, what they refuse, many callers at once."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import chess
import numpy as np
import pytest

from engine.player.evaluator import Evaluation
from engine.view.explanation import whole_explanation
from engine.view.local_server import LocalServer
from engine.view.view_api import ViewApi, view_site
from tests.doubles.talk_http import ask, call, serving
from tests.doubles.tiny_site import MATE_IN_ONE, answered, serving_tiny
from tests.doubles.tiny_view import TINY, open_tiny
from tests.reference.random_games import varied_positions


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with serving_tiny() as running:
        yield running


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


def test_a_head_that_is_off(server: LocalServer) -> None:
    # Compiles, which may take longer than a caller waits.
    trace = open_tiny().capture.trace(chess.Board(MATE_IN_ONE), ((0, 1), (1, 0)))
    whole = answered(server, "position", {"fen": MATE_IN_ONE})["network"]
    off = answered(server, "position", {"fen": MATE_IN_ONE, "off": [[0, 1], [1, 0]]})["network"]
    assert off["played"] == whole["played"]
    np.testing.assert_allclose(off["states"][3]["probabilities"], np.exp(trace.log_probs[3]), atol=1e-6)
    assert off["states"][3]["probabilities"] != whole["states"][3]["probabilities"]
    attention = answered(server, "attention", {"fen": MATE_IN_ONE, "off": [[1, 0], [0, 1], [0, 1]]})
    np.testing.assert_allclose(attention["weights"], trace.attention[3], atol=6e-5)


def test_the_explanation_is_that_of_the_command(server: LocalServer) -> None:
    board = chess.Board(MATE_IN_ONE)
    expected = whole_explanation(board, open_tiny().capture.trace(board))
    assert answered(server, "explanation", {"fen": MATE_IN_ONE}) == json.loads(json.dumps(expected))


def test_the_worth_of_pieces(server: LocalServer) -> None:
    fen = "4k3/2p5/8/8/8/5N2/8/4K3 w - - 5 9"
    pieces = answered(server, "worth", {"fen": fen})["pieces"]
    assert [(piece["square"], piece["piece"]) for piece in pieces] == [("f3", "N"), ("c7", "p")]
    whole, without = open_tiny().evaluator.evaluate([chess.Board(fen), chess.Board("4k3/2p5/8/8/8/8/8/4K3 w - - 5 9")])
    assert pieces[0]["change"] == pytest.approx(without.value_to_move - whole.value_to_move, abs=1e-5)


def test_the_successors(server: LocalServer) -> None:
    moves = {move["move"]: move for move in answered(server, "successors", {"fen": MATE_IN_ONE})["moves"]}
    board = chess.Board(MATE_IN_ONE)
    assert len(moves) == board.legal_moves.count()
    assert moves["f3f7"] == {"move": "f3f7", "wdl": [1.0, 0.0, 0.0], "value": 1.0, "by": "rules"}
    board.push_uci("f3d1")
    (after,) = open_tiny().evaluator.evaluate([board])
    assert moves["f3d1"]["by"] == "network"
    np.testing.assert_allclose(moves["f3d1"]["wdl"], after.wdl_to_move[::-1], atol=1e-5)
    assert answered(server, "successors", {"fen": "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"}) == {"moves": []}


class Undecided:
    """Finds all moves equal."""

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        moves = [tuple(sorted(board.legal_moves, key=chess.Move.uci)) for board in boards]
        wdl = np.array([0.25, 0.5, 0.25])
        return [Evaluation(m, np.full(len(m), -np.log(len(m))), wdl, 1, 0.0, True) for m in moves]


def test_another_network_is_compared() -> None:
    network = open_tiny()
    other = network._replace(evaluator=Undecided(), facts={"name": "other", "sha256": "1" * 64})  # type: ignore[arg-type]
    with serving(view_site(ViewApi(network, None, other))) as server:
        assert ask(server, "GET", "/api/info").json()["other"] == other.facts
        answer = answered(server, "other", {"fen": MATE_IN_ONE})
        np.testing.assert_allclose(answer["probabilities"], 1 / chess.Board(MATE_IN_ONE).legal_moves.count(), atol=1e-6)
        assert (answer["name"], answer["wdl_to_move"]) == ("other", [0.25, 0.5, 0.25])
    with serving(view_site(ViewApi(network))) as server:
        answer = call(server, "/api/other", {})
        assert answer.status == 404 and "--compare" in answer.json()["error"]


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
    with serving(view_site(ViewApi(network))) as server:
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
