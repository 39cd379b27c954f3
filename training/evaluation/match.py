"""Paired games between two players, decided by the rules of chess alone.

Checkmate, stalemate, insufficient material, a position's third occurrence and fifty moves without
capture or pawn move end a game at once, as do 400 plies (a draw). Nobody resigns, and no engine's
score decides. A player that answers with an illegal move, ends, or is late loses that game.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import chess

from training.evaluation.match_player import FaultKind, MatchPlayer, MoveFailure
from training.evaluation.opening_book import Opening

MAX_PLIES = 400


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a player lost without being mated.

    Attributes:
      kind: illegal move, crash or time loss.
      text: what the player or its process said.
      fen: the position in which it happened.
    """

    kind: FaultKind
    text: str
    fen: str


@dataclass(frozen=True, kw_only=True)
class GameRecord:
    """One finished game.

    Attributes:
      white: name of the player.
      black: name of the player.
      opening: where the game began.
      moves: all moves from the starting position, the opening's included.
      white_points: 1, 1/2 or 0.
      termination: such as "checkmate", "fifty moves" or "illegal move".
      fault: how the loser failed; None when the rules ended the game.
    """

    white: str
    black: str
    opening: Opening
    moves: tuple[chess.Move, ...]
    white_points: float
    termination: str
    fault: Fault | None = None

    @property
    def result(self) -> str:
        """The result as PGN writes it."""
        return {1.0: "1-0", 0.5: "1/2-1/2", 0.0: "0-1"}[self.white_points]


@dataclass(frozen=True, kw_only=True)
class MatchGame:
    """A game with its place in the match.

    Attributes:
      pair: number of the pair, from 0.
      first_is_white: whether the first player had White.
      record: the game.
    """

    pair: int
    first_is_white: bool
    record: GameRecord

    @property
    def first_points(self) -> float:
        """Points of the first player: 1, 1/2 or 0."""
        points = self.record.white_points
        return points if self.first_is_white else 1 - points


def play_game(white: MatchPlayer, black: MatchPlayer, opening: Opening, *, max_plies: int = MAX_PLIES) -> GameRecord:
    """Plays one game from the opening.

    Args:
      white: plays White.
      black: plays Black; not the same object as `white`.
      opening: moves already made; White or Black may be to move after it.
      max_plies: the game is a draw at this many plies, the opening's included.
    """
    board = opening.board()
    white.start_game()
    black.start_game()
    fault: Fault | None = None
    while (ending := _rules_ending(board, max_plies)) is None:
        player = white if board.turn == chess.WHITE else black
        try:
            move = player.choose_move(board)
            if move not in board.legal_moves:
                raise MoveFailure("illegal move", move.uci())
        except MoveFailure as failure:
            ending = (0.0 if board.turn == chess.WHITE else 1.0), failure.kind
            fault = Fault(kind=failure.kind, text=str(failure), fen=board.fen())
            break
        board.push(move)
    white_points, termination = ending
    return GameRecord(
        white=white.name,
        black=black.name,
        opening=opening,
        moves=tuple(board.move_stack),
        white_points=white_points,
        termination=termination,
        fault=fault,
    )


def play_match(
    first: MatchPlayer,
    second: MatchPlayer,
    openings: Sequence[Opening],
    *,
    max_plies: int = MAX_PLIES,
    on_game: Callable[[MatchGame], None] = lambda _: None,
) -> list[MatchGame]:
    """Plays each opening twice, the first player having White and then Black.

    Args:
      first: the player whose points are counted.
      second: the opponent.
      openings: one a pair.
      max_plies: a game is a draw at this many plies.
      on_game: called after each game, for progress and for saving games as they end.

    Returns:
      The games in the order played: the two of each pair next to each other.
    """
    games: list[MatchGame] = []
    for pair, opening in enumerate(openings):
        for first_is_white in (True, False):
            white, black = (first, second) if first_is_white else (second, first)
            record = play_game(white, black, opening, max_plies=max_plies)
            games.append(MatchGame(pair=pair, first_is_white=first_is_white, record=record))
            on_game(games[-1])
    return games


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
