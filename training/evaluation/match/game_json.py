"""A game of a match as a JSON object, and back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import chess

from training.evaluation.engines.match_player import Thought
from training.evaluation.match.game import Fault, GameRecord, MatchGame
from training.evaluation.match.opening_book import Opening


def game_to_json(game: MatchGame) -> dict[str, Any]:
    """Returns the game without its opening, which its pair number stands for."""
    record = game.record
    played = record.moves[len(record.opening.moves) :]
    return {
        "pair": game.pair,
        "first_is_white": game.first_is_white,
        "white": record.white,
        "black": record.black,
        "moves": " ".join(move.uci() for move in played),
        "white_points": record.white_points,
        "termination": record.termination,
        "fault": None if record.fault is None else asdict(record.fault),
        # One row per move: seconds, hundredths of a pawn, moves to mate, depth, nodes.
        "thoughts": [[t.elapsed_s, t.score_cp, t.mate, t.depth, t.nodes] for t in record.thoughts],
        "started_utc": record.started_utc,
        "duration_s": record.duration_s,
    }


def game_from_json(content: dict[str, Any], openings: Sequence[Opening]) -> MatchGame:
    """Reads what `game_to_json` wrote.

    Args:
      content: the object.
      openings: one a pair; those the match was played from.

    Raises:
      ValueError, TypeError, KeyError or IndexError: the object is something else.
    """
    opening = openings[content["pair"]]
    fault = content["fault"]
    record = GameRecord(
        white=content["white"],
        black=content["black"],
        opening=opening,
        moves=(*opening.moves, *(chess.Move.from_uci(text) for text in content["moves"].split())),
        white_points=float(content["white_points"]),
        termination=content["termination"],
        fault=None if fault is None else Fault(**fault),
        thoughts=tuple(_thought(*row) for row in content["thoughts"]),
        started_utc=content["started_utc"],
        duration_s=content["duration_s"],
    )
    return MatchGame(pair=content["pair"], first_is_white=content["first_is_white"], record=record)


def _thought(elapsed_s: float, score_cp: int | None, mate: int | None, depth: int | None, nodes: int | None) -> Thought:
    return Thought(elapsed_s=elapsed_s, score_cp=score_cp, mate=mate, depth=depth, nodes=nodes)
