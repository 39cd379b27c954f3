"""Plays one game between two players, decided by the rules of chess unless other rules are asked for.

Checkmate, stalemate, insufficient material, a position's third occurrence and fifty moves without
capture or pawn move end a game at once, as does the ply limit (a draw). Engines' scores decide
nothing unless `GameRules` says so. A player that answers with an illegal move, ends, stalls or is
late loses that game.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import chess

from training.evaluation.engines.match_player import ChosenMove, MatchPlayer, Thought
from training.evaluation.engines.time_control import GameClocks
from training.evaluation.failures import FaultKind, MoveFailure, Resignation
from training.evaluation.match.adjudication import Adjudicator, GameRules
from training.evaluation.match.opening_book import Opening


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Says how a player failed and lost the game.

    Attributes:
      kind: illegal move, crash, time loss or stall.
      text: details, as the player or its process gave them.
      fen: the position in which it happened.
    """

    kind: FaultKind
    text: str
    fen: str


@dataclass(frozen=True, kw_only=True)
class GameRecord:
    """Holds one finished game.

    Attributes:
      white: name of the player.
      black: name of the player.
      opening: where the game began.
      moves: all moves, the opening's included.
      white_points: 1, 1/2 or 0.
      termination: such as "checkmate", "fifty moves" or "illegal move".
      fault: how the loser failed; None when the rules ended the game.
      thoughts: of the players' moves, those after the opening's.
      started_utc: when, in ISO 8601.
      duration_s: how long it took.
    """

    white: str
    black: str
    opening: Opening
    moves: tuple[chess.Move, ...]
    white_points: float
    termination: str
    fault: Fault | None = None
    thoughts: tuple[Thought, ...] = ()
    started_utc: str = ""
    duration_s: float = 0.0

    @property
    def result(self) -> str:
        """The result as PGN writes it."""
        return {1.0: "1-0", 0.5: "1/2-1/2", 0.0: "0-1"}[self.white_points]


@dataclass(frozen=True, kw_only=True)
class MatchGame:
    """Holds a game with its place in the match.

    Attributes:
      pair: number of the pair, from 0.
      first_is_white: whether the first player had White.
      record: the game.
    """

    pair: int
    first_is_white: bool
    record: GameRecord

    @property
    def number(self) -> int:
        """The place in the match, from 1: in each pair the first player has White first."""
        return 2 * self.pair + (1 if self.first_is_white else 2)

    @property
    def first_points(self) -> float:
        """Points of the first player: 1, 1/2 or 0."""
        points = self.record.white_points
        return points if self.first_is_white else 1 - points


def play_game(
    white: MatchPlayer,
    black: MatchPlayer,
    opening: Opening,
    *,
    rules: GameRules | None = None,
    number: int = 1,
    names: tuple[str, str] | None = None,
) -> GameRecord:
    """Plays one game from the opening.

    Args:
      white: plays White.
      black: plays Black; not the same object as `white`.
      opening: moves already made; White or Black may be to move after it.
      rules: what ends the game besides the rules of chess.
      number: of the game in its match.
      names: of White and Black in the record, by default the players' own.
    """
    started_utc, started_s = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    board = opening.board()
    thoughts: list[Thought] = []
    white.start_game(number)
    black.start_game(number)
    white_points, termination, fault = _play_out(white, black, board, rules or GameRules(), thoughts)
    return GameRecord(
        white=names[0] if names else white.name,
        black=names[1] if names else black.name,
        opening=opening,
        moves=tuple(board.move_stack),
        white_points=white_points,
        termination=termination,
        fault=fault,
        thoughts=tuple(thoughts),
        started_utc=started_utc,
        duration_s=round(time.monotonic() - started_s, 3),
    )


def _play_out(
    white: MatchPlayer, black: MatchPlayer, board: chess.Board, rules: GameRules, thoughts: list[Thought]
) -> tuple[float, str, Fault | None]:
    """Plays on the board until the game is over; returns White's points, the reason and the fault."""
    clocks = GameClocks(white.time_control, black.time_control)
    adjudicator = Adjudicator(rules)
    ending = _rules_ending(board, rules.max_plies)
    while ending is None:
        mover, move_number = board.turn, board.fullmove_number
        lost = 0.0 if mover == chess.WHITE else 1.0
        try:
            chosen = _ask(white if mover == chess.WHITE else black, board, clocks)
        except MoveFailure as failure:
            return lost, failure.kind, Fault(kind=failure.kind, text=str(failure), fen=board.fen())
        except Resignation:
            return lost, "resignation", None
        board.push(chosen.move)
        thoughts.append(chosen.thought)
        # A score decides only where the rules of chess leave the game open.
        verdict = adjudicator.after_move(mover, chosen.thought, move_number)
        ending = _rules_ending(board, rules.max_plies) or verdict
    return *ending, None


def _ask(player: MatchPlayer, board: chess.Board, clocks: GameClocks) -> ChosenMove:
    face = clocks.face(board.turn)
    chosen = player.choose_move(board, face)
    if chosen.move not in board.legal_moves:
        raise MoveFailure("illegal move", chosen.move.uci())
    if not clocks.press(board.turn, chosen.thought.elapsed_s, player.margin_s):
        left_s = face.left_s(board.turn) or 0.0
        raise MoveFailure("time loss", f"{chosen.thought.elapsed_s:.3f} s with {left_s:.3f} s on the clock")
    return chosen


def _rules_ending(board: chess.Board, max_plies: int) -> tuple[float, str] | None:
    """Returns White's points and the reason if the game is over, mate before any draw."""
    if not any(board.legal_moves):
        if board.is_check():
            return (0.0 if board.turn == chess.WHITE else 1.0), "checkmate"
        return 0.5, "stalemate"
    if board.is_insufficient_material():
        return 0.5, "insufficient material"
    if board.is_repetition(3):
        return 0.5, "threefold repetition"
    if board.halfmove_clock >= 100:
        return 0.5, "fifty moves"
    if len(board.move_stack) >= max_plies:
        return 0.5, "ply limit"
    return None
