"""Answers the calls of the page that docs/view-api.md describes: positions, attention, games, a teacher, pictures."""

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import chess

from engine.encoding.position import encode_position
from engine.network.cores.core_configs import DeqConfig
from engine.uci_client import TeacherError
from engine.view.ablation import HeadChoice, HeadError
from engine.view.board_svg import piece_sprite
from engine.view.call_body import (
    Body,
    board_in,
    checked,
    heads_off_in,
    index_in,
    playable_board_in,
    refusal,
    square_in,
)
from engine.view.capture import OpenNetwork, Trace
from engine.view.explanation import (
    attention_json,
    evaluation_json,
    explain_trace,
    position_facts,
    successors_json,
    whole_explanation,
    worth_json,
)
from engine.view.explanation_svg import explanation_svg
from engine.view.game_record import read_pgn
from engine.view.local_server import Reply, RequestError, Site, files_below, json_reply
from engine.view.look import Look, LookError
from engine.view.teacher_values import Teacher

_REMEMBERED = 32  # traces; the attention of one takes up to some megabytes

_CHUNK = 64  # positions of a game evaluated before other requests get their turn


class ViewApi:
    """Answers the page; for use by several threads, one of which computes at a time.

    Args:
      network: plays and is shown.
      teacher: another engine to compare with, if there is one.
      other: another network to compare with, if there is one.
    """

    def __init__(self, network: OpenNetwork, teacher: Teacher | None = None, other: OpenNetwork | None = None) -> None:
        self._evaluator, self._capture, self._facts = network
        self._teacher, self._other = teacher, other
        self._lock = threading.Lock()
        self._traces: OrderedDict[tuple[str, bytes, HeadChoice], Trace] = OrderedDict()

    def info(self, _query: Mapping[str, str]) -> Reply:
        """GET /api/info: which network this is, and what the page can offer."""
        config = self._capture.config
        network = {
            **self._facts,
            "tokens": config.tokens,
            "heads": config.heads,
            "blocks": config.blocks,
            "arithmetic": config.arithmetic,
            "core": config.core.kind,
            "solver": config.core.solver.method if isinstance(config.core, DeqConfig) else config.core.kind,
            "max_steps": config.own_steps,
            "tolerance": config.core.tolerance,
        }
        offered = {"teacher": self._teacher is not None, "other": None if self._other is None else self._other.facts}
        return json_reply({"network": network, "states": self._capture.states, **offered})

    def position(self, body: Body) -> Reply:
        """POST /api/position: the rules' and the network's view of a position."""
        started_s = time.monotonic()
        board = board_in(body)
        facts = position_facts(board)
        network = explain_trace(board, self._trace(board, heads_off_in(body))) if facts["moves"] else None
        return json_reply({**facts, "network": network, "ms": round(1e3 * (time.monotonic() - started_s), 1)})

    def attention(self, body: Body) -> Reply:
        """POST /api/attention: every head of one state; null where there is no legal move."""
        board = board_in(body)
        if not any(board.legal_moves):
            return json_reply(None)
        trace = self._trace(board, heads_off_in(body))
        return json_reply(attention_json(trace, index_in(body, "state", len(trace.residual), trace.played_state)))

    def game(self, body: Body) -> Reply:
        """POST /api/game: a PGN as a start and moves."""
        text = body.get("pgn")
        if not isinstance(text, str):
            raise refusal(f"expected pgn as text, got {type(text).__name__}")
        game = checked(lambda: read_pgn(text))
        return json_reply(dataclasses.asdict(game))

    def course(self, body: Body) -> Reply:
        """POST /api/course: moves in SAN and one evaluation for the start and each position of a game."""
        board = board_in(body)
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
        board = playable_board_in(body)
        if self._teacher is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "expected a teacher engine, got none (start with --teacher)")
        try:
            name, values = self._teacher.values(board)
        except TeacherError as error:
            raise RequestError(HTTPStatus.FAILED_DEPENDENCY, str(error)) from None
        return json_reply({"name": name, "moves": [dataclasses.asdict(value) for value in values]})

    def picture(self, body: Body) -> Reply:
        """POST /api/picture: what `recursezero explain` draws."""
        board = playable_board_in(body)
        trace = self._trace(board, heads_off_in(body))
        states, blocks, heads = trace.attention.shape[:3]
        look = Look(
            state=index_in(body, "state", states, trace.played_state),
            square=square_in(body),
            block=index_in(body, "block", blocks, blocks - 1),
            head=None if body.get("head") is None else index_in(body, "head", heads, 0),
            to_square=body.get("to_square") is True,
            orientation=body.get("orientation") != "black",
        )
        try:
            return Reply("image/svg+xml", explanation_svg(board, trace, look).encode())
        except LookError as error:
            raise refusal(str(error)) from None

    def explanation(self, body: Body) -> Reply:
        """POST /api/explanation: the JSON of `recursezero explain`."""
        board = playable_board_in(body)
        return json_reply(whole_explanation(board, self._trace(board, heads_off_in(body))))

    def successors(self, body: Body) -> Reply:
        """POST /api/successors: win, draw and loss after every legal move."""
        board = board_in(body)
        with self._lock:
            return json_reply({"moves": successors_json(board, self._evaluator)})

    def worth(self, body: Body) -> Reply:
        """POST /api/worth: how removing each piece changes the verdict."""
        board = playable_board_in(body)
        evaluation = self._trace(board, ()).evaluation
        with self._lock:
            return json_reply({"pieces": worth_json(board, evaluation, self._evaluator)})

    def other(self, body: Body) -> Reply:
        """POST /api/other: another network's evaluation of the same position."""
        board = playable_board_in(body)
        if self._other is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "expected another network, got none (start with --compare)")
        with self._lock:
            (evaluation,) = self._other.evaluator.evaluate([board])
        return json_reply({**self._other.facts, **evaluation_json(evaluation)})

    def _trace(self, board: chess.Board, without: HeadChoice) -> Trace:
        # The FEN has the counters and the colours, the encoding has the repetitions.
        key = (board.fen(), encode_position(board).tobytes(), without)
        with self._lock:
            if key not in self._traces:
                try:
                    self._traces[key] = self._capture.trace(board, without)
                except HeadError as error:
                    raise refusal(str(error)) from None
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


def view_site(api: ViewApi) -> Site:
    """Returns the site that the page's server offers: its files, the pieces and the calls."""
    files = files_below(Path(__file__).with_name("static"))
    files["/pieces.svg"] = Reply("image/svg+xml", piece_sprite().encode())
    calls = {
        "/api/position": api.position,
        "/api/attention": api.attention,
        "/api/game": api.game,
        "/api/course": api.course,
        "/api/teacher": api.teacher,
        "/api/picture": api.picture,
        "/api/explanation": api.explanation,
        "/api/successors": api.successors,
        "/api/worth": api.worth,
        "/api/other": api.other,
    }
    return Site(files=files, pages={"/api/info": api.info}, calls=calls)
