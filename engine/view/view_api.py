"""The calls of the page, as docs/view-api.md describes them: positions, attention, games, a teacher, pictures."""

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import chess

from engine.encoding.position import encode_position
from engine.player.evaluator import Evaluator
from engine.view.capture import Capture, Trace
from engine.view.explanation import attention_json, evaluation_json, explain_trace, position_facts
from engine.view.explanation_svg import Look, LookError, explanation_svg
from engine.view.game_record import MAX_PLIES, GameRecordError, board_of, read_pgn
from engine.view.local_server import Reply, RequestError, json_reply
from engine.view.teacher_values import Teacher, TeacherError

_REMEMBERED = 32  # traces; the attention of one takes up to some megabytes
_CHUNK = 64  # positions of a game evaluated before other requests get their turn
Body = Mapping[str, Any]


class ViewApi:
    """Answers the page; for use by several threads, one of which computes at a time.

    Args:
      capture: traces positions.
      evaluator: plays; the same that `capture` traces.
      facts: of the network, for display.
      teacher: another engine, if there is one.
    """

    def __init__(
        self, capture: Capture, evaluator: Evaluator, facts: Mapping[str, Any], teacher: Teacher | None
    ) -> None:
        self._capture, self._evaluator, self._facts, self._teacher = capture, evaluator, facts, teacher
        self._lock = threading.Lock()
        self._traces: OrderedDict[tuple[str, bytes], Trace] = OrderedDict()

    def info(self, _query: Mapping[str, str]) -> Reply:
        """GET /api/info: which network this is, and what the page can offer."""
        config = self._capture.config
        network = {
            **self._facts,
            "tokens": config.tokens,
            "heads": config.heads,
            "blocks": config.blocks,
            "arithmetic": config.arithmetic,
            "solver": config.solver.method,
            "max_steps": config.solver.max_steps,
            "tolerance": config.solver.tolerance,
        }
        return json_reply({"network": network, "states": self._capture.states, "teacher": self._teacher is not None})

    def position(self, body: Body) -> Reply:
        """POST /api/position: the rules' and the network's view of a position."""
        started_s = time.monotonic()
        board = _board(body)
        facts = position_facts(board)
        network = explain_trace(board, self._trace(board)) if facts["moves"] else None
        return json_reply({**facts, "network": network, "ms": round(1e3 * (time.monotonic() - started_s), 1)})

    def attention(self, body: Body) -> Reply:
        """POST /api/attention: every head of one state; null where there is no legal move."""
        board = _board(body)
        if not any(board.legal_moves):
            return json_reply(None)
        trace = self._trace(board)
        return json_reply(attention_json(trace, _index(body, "state", len(trace.residual), trace.played_state)))

    def game(self, body: Body) -> Reply:
        """POST /api/game: a PGN as a start and moves."""
        text = body.get("pgn")
        if not isinstance(text, str):
            raise RequestError(HTTPStatus.BAD_REQUEST, f"expected pgn as text, got {type(text).__name__}")
        game = _checked(lambda: read_pgn(text))
        return json_reply(dataclasses.asdict(game))

    def course(self, body: Body) -> Reply:
        """POST /api/course: moves in SAN and one evaluation for the start and each position of a game."""
        board = _board(body)
        played, boards = list(board.move_stack), [board.root()]
        sans = []
        for move in played:
            sans.append(boards[-1].san(move))
            after = boards[-1].copy()
            after.push(move)
            boards.append(after)
        return json_reply({"sans": sans, "positions": self._evaluated(boards)})

    def teacher(self, body: Body) -> Reply:
        """POST /api/teacher: a teacher's values of the legal moves."""
        board = _playable(_board(body))
        if self._teacher is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "expected a teacher engine, got none (start with --teacher)")
        try:
            name, values = self._teacher.values(board)
        except TeacherError as error:
            raise RequestError(HTTPStatus.FAILED_DEPENDENCY, str(error)) from None
        return json_reply({"name": name, "moves": [dataclasses.asdict(value) for value in values]})

    def picture(self, body: Body) -> Reply:
        """POST /api/picture: what `recursezero explain` draws."""
        board = _playable(_board(body))
        trace = self._trace(board)
        states, blocks, heads = trace.attention.shape[:3]
        look = Look(
            state=_index(body, "state", states, trace.played_state),
            square=_square(body),
            block=_index(body, "block", blocks, blocks - 1),
            head=None if body.get("head") is None else _index(body, "head", heads, 0),
            to_square=body.get("to_square") is True,
            orientation=body.get("orientation") != "black",
        )
        try:
            return Reply("image/svg+xml", explanation_svg(board, trace, look).encode())
        except LookError as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, str(error)) from None

    def _trace(self, board: chess.Board) -> Trace:
        # The FEN has the counters and the colours, the encoding has the repetitions.
        key = (board.fen(), encode_position(board).tobytes())
        with self._lock:
            if key not in self._traces:
                self._traces[key] = self._capture.trace(board)
            self._traces.move_to_end(key)
            if len(self._traces) > _REMEMBERED:
                self._traces.popitem(last=False)
            return self._traces[key]

    def _evaluated(self, boards: list[chess.Board]) -> list[dict[str, Any] | None]:
        """Returns an evaluation for each board, None where there is no legal move."""
        results: list[dict[str, Any] | None] = [None] * len(boards)
        open_places = [place for place, board in enumerate(boards) if any(board.legal_moves)]
        for first in range(0, len(open_places), _CHUNK):
            places = open_places[first : first + _CHUNK]
            with self._lock:
                evaluations = self._evaluator.evaluate([boards[place] for place in places])
            for place, evaluation in zip(places, evaluations, strict=True):
                facts = evaluation_json(evaluation)
                del facts["probabilities"]
                results[place] = {**facts, "turn": "white" if boards[place].turn else "black"}
        return results


def _board(body: Body) -> chess.Board:
    fen, moves = body.get("fen", chess.STARTING_FEN), body.get("moves", [])
    if not isinstance(fen, str):
        raise RequestError(HTTPStatus.BAD_REQUEST, f"expected fen as text, got {type(fen).__name__}")
    if not isinstance(moves, list) or not all(isinstance(move, str) for move in moves):
        raise RequestError(HTTPStatus.BAD_REQUEST, f"expected moves as a list of at most {MAX_PLIES} texts")
    return _checked(lambda: board_of(fen, moves))


def _checked(read: Any) -> Any:
    try:
        return read()
    except GameRecordError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, str(error)) from None


def _playable(board: chess.Board) -> chess.Board:
    if not any(board.legal_moves):
        raise RequestError(HTTPStatus.BAD_REQUEST, f"expected a position with a legal move, got {board.fen()}")
    return board


def _index(body: Body, name: str, count: int, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise RequestError(HTTPStatus.BAD_REQUEST, f"expected {name} from 0 to {count - 1}, got {str(value)[:100]}")
    return value


def _square(body: Body) -> chess.Square | None:
    name = body.get("square")
    if name is None:
        return None
    if name not in chess.SQUARE_NAMES:
        raise RequestError(HTTPStatus.BAD_REQUEST, f"expected square as a1 to h8, got {str(name)[:100]}")
    return chess.parse_square(name)
