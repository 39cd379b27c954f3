"""Arguments that the calls of the page refuse, each in one line."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.view.local_server import LocalServer
from tests.doubles.talk_http import Answer, call
from tests.doubles.tiny_site import answered, serving_tiny


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with serving_tiny() as running:
        yield running


def refusal(answer: Answer) -> str:
    assert answer.status == 400, answer.body
    content = answer.json()
    assert list(content) == ["error"] and len(content["error"]) < 500 and "\n" not in content["error"]
    return str(content["error"])


@pytest.mark.parametrize(
    "name", ["position", "attention", "course", "teacher", "picture", "explanation", "successors", "worth"]
)
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
        ("attention", {"off": [[0]]}),
        ("position", {"off": [[9, 0]]}),
        ("position", {"off": [[0, True]]}),
        ("position", {"off": "0.1"}),
        ("position", {"off": [[0, 0]] * 5000}),
        ("worth", {"fen": "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"}),
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
