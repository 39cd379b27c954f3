"""Keeps the finished games of a match in a file, from which an interrupted match is resumed.

The file has one JSON object a line: first the settings that the games depend on, then each game as
soon as it has ended. A last line cut off in the middle is dropped.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import chess

from training.evaluation.engines.match_player import Thought
from training.evaluation.failures import EvaluationError
from training.evaluation.match.game import Fault, GameRecord, MatchGame
from training.evaluation.match.opening_book import Opening
from training.runs.durable_files import drop_unfinished_line


class MatchStore:
    """Holds finished games in memory and, given a path, in a file.

    Args:
      path: the file; None to keep the games in memory only.
      settings: what the games depend on, as JSON can hold it; a file with different settings is refused.
      openings: one per pair. The file may hold games of later pairs, which stay in it.
      resume: whether to continue an existing file, which is refused otherwise.

    Raises:
      EvaluationError: the file cannot be used; one line says why.
    """

    def __init__(
        self, path: Path | None, settings: dict[str, Any], openings: Sequence[Opening], *, resume: bool = False
    ) -> None:
        self._path = path
        self.games: list[MatchGame] = []
        if path is None:
            return
        exists = path.exists()
        if exists and not resume:
            raise EvaluationError(f"expected --resume, or a new file for --out, got {path}, which exists")
        try:
            if exists:
                self.games = _read(path, settings, openings)
            else:
                path.write_text(json.dumps({"settings": settings}) + "\n", encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EvaluationError(f"expected a file that can be read and written for --out, got {error}") from error

    def add(self, game: MatchGame) -> None:
        """Keeps a finished game."""
        self.games.append(game)
        if self._path is not None:
            # Opened for each game: it is on the disk whatever happens next.
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(game_to_json(game)) + "\n")


def game_to_json(game: MatchGame) -> dict[str, Any]:
    """Returns a game as a JSON object, without its opening, which the number of its pair identifies."""
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
    """Reads a game that `game_to_json` wrote.

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


def _read(path: Path, settings: dict[str, Any], openings: Sequence[Opening]) -> list[MatchGame]:
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    header, *lines = whole.splitlines() or [""]
    try:
        _check_settings(path, json.loads(header)["settings"], settings)
        rows = [json.loads(line) for line in lines]
        games = [game_from_json(row, openings) for row in rows if row["pair"] < len(openings)]
    except EvaluationError:
        raise
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise EvaluationError(
            f"expected a file of a saved match, got {path}: {type(error).__name__} {error}"
        ) from error
    drop_unfinished_line(path)  # only now: what is no saved match stays as it is
    return games


def _check_settings(path: Path, saved: dict[str, Any], settings: dict[str, Any], place: str = "") -> None:
    wanted = json.loads(json.dumps(settings))
    for key in {**wanted, **saved}:
        old, new = saved.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            _check_settings(path, old, new, f"{place}{key} ")
        elif old != new:
            raise EvaluationError(f"expected the settings of the saved match {path}: {place}{key} {old!r}, got {new!r}")


def _thought(elapsed_s: float, score_cp: int | None, mate: int | None, depth: int | None, nodes: int | None) -> Thought:
    return Thought(elapsed_s=elapsed_s, score_cp=score_cp, mate=mate, depth=depth, nodes=nodes)
