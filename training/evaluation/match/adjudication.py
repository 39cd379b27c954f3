"""Ends games by the engines' scores: resignation and agreed draw, both off by default."""

from dataclasses import dataclass

import chess

from training.evaluation.engines.match_player import Thought
from training.evaluation.failures import EvaluationError

MAX_PLIES = 400
# A mate score counts as this many centipawns.
_MATE_CP = 100_000


@dataclass(frozen=True, kw_only=True)
class ResignRule:
    """Ends a game as lost for a side that scores itself this far behind for so many of its moves in a row."""

    score_cp: int
    moves: int


@dataclass(frozen=True, kw_only=True)
class DrawRule:
    """Ends a game as drawn after so many moves in a row of both sides scored this near zero, from move `after` on."""

    score_cp: int
    moves: int
    after: int


@dataclass(frozen=True, kw_only=True)
class GameRules:
    """Lists what ends a game besides the rules of chess.

    Attributes:
      max_plies: the game is a draw at this many plies, the opening's included.
      resign: by score, or None.
      draw: by score, or None.
    """

    max_plies: int = MAX_PLIES
    resign: ResignRule | None = None
    draw: DrawRule | None = None


class Adjudicator:
    """Follows the scores of one game."""

    def __init__(self, rules: GameRules) -> None:
        self._rules = rules
        self._losing = {chess.WHITE: 0, chess.BLACK: 0}
        self._level_plies = 0

    def after_move(self, mover: chess.Color, thought: Thought, move_number: int) -> tuple[float, str] | None:
        """Records a move; returns White's points and the reason if it ends the game.

        Args:
          mover: the side that moved.
          thought: the mover's; a move without a score ends every streak.
          move_number: of the move, as PGN counts.
        """
        score_cp = _score(thought)
        resign, draw = self._rules.resign, self._rules.draw
        if resign is not None:
            losing = score_cp is not None and score_cp <= -resign.score_cp
            self._losing[mover] = self._losing[mover] + 1 if losing else 0
            if self._losing[mover] >= resign.moves:
                return (0.0 if mover == chess.WHITE else 1.0), "adjudicated win"
        if draw is not None:
            level = score_cp is not None and abs(score_cp) <= draw.score_cp
            self._level_plies = self._level_plies + 1 if level else 0
            if move_number >= draw.after and self._level_plies >= 2 * draw.moves:
                return 0.5, "adjudicated draw"
        return None


def parse_resign_rule(text: str) -> ResignRule:
    """Reads CENTIPAWNS:MOVES, such as 600:3.

    Raises:
      EvaluationError: the text is not that.
    """
    score_cp, moves = _numbers(text, 2, "--resign as CENTIPAWNS:MOVES, such as 600:3")
    return ResignRule(score_cp=score_cp, moves=moves)


def parse_draw_rule(text: str) -> DrawRule:
    """Reads CENTIPAWNS:MOVES:AFTER, such as 10:8:40.

    Raises:
      EvaluationError: the text is not that.
    """
    score_cp, moves, after = _numbers(text, 3, "--draw as CENTIPAWNS:MOVES:AFTER, such as 10:8:40")
    return DrawRule(score_cp=score_cp, moves=moves, after=after)


def _score(thought: Thought) -> int | None:
    if thought.mate is not None:
        return _MATE_CP if thought.mate > 0 else -_MATE_CP
    return thought.score_cp


def _numbers(text: str, count: int, form: str) -> list[int]:
    words = text.split(":")
    if len(words) != count or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise EvaluationError(f"expected {form}, got {text!r}")
    return [int(word) for word in words]
