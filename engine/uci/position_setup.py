"""From a `position` command to a board, or to one line saying why it cannot be played."""

from collections.abc import Sequence
from dataclasses import dataclass

import chess

from engine.uci.commands import Position, shown

_LARGEST_COUNTER = 32767


class PositionError(ValueError):
    """The position or one of the moves is impossible; the text is one line."""


@dataclass(frozen=True, eq=False)
class Setup:
    """A position of the game and the command that set it up."""

    command: Position
    chess960: bool
    board: chess.Board  # its move stack holds the game

    def followed_by(self, command: Position, chess960: bool) -> "Setup":
        """Returns the setup of the next command; what it shares with this one is not replayed.

        The board may be this one's, so this setup must not be used any more, unless PositionError is raised.

        Args:
          command: the position; the FEN may lack its last fields.
          chess960: whether castling is written king takes rook, and any castling right is allowed.

        Raises:
          PositionError: as for `board_of`; this setup is left as it was.
        """
        known = len(self.command.moves)
        continues = (command.fen, chess960) == (self.command.fen, self.chess960) and command.moves[
            :known
        ] == self.command.moves
        if not continues:
            return Setup(command, chess960, board_of(command, chess960))
        _push_all(self.board, command.moves, known)
        return Setup(command, chess960, self.board)


def new_game(chess960: bool) -> Setup:
    """Returns the setup of the starting position."""
    return Setup(Position(None, ()), chess960, chess.Board(chess960=chess960))


def board_of(command: Position, chess960: bool) -> chess.Board:
    """Returns the board with the moves made; its move stack holds the game.

    Args:
      command: the position; the FEN may lack its last fields.
      chess960: whether castling is written king takes rook, and any castling right is allowed.

    Raises:
      PositionError: the FEN cannot be read, no game can reach the position, or a move is illegal.
        Nothing of the command is then to be used.
    """
    fen = chess.STARTING_FEN if command.fen is None else command.fen
    try:
        board = chess.Board(fen, chess960=chess960)
    except (ValueError, IndexError) as error:
        raise PositionError(f"expected a FEN for position, got {shown(fen)} ({error})") from error
    _check_possible(board, fen)
    _push_all(board, command.moves, 0)
    return board


def _push_all(board: chess.Board, moves: Sequence[str], made: int) -> None:
    """Makes the moves after the first so many, or none if one of them is illegal."""
    before = len(board.move_stack)
    try:
        for number, text in enumerate(moves[made:], start=made + 1):
            board.push(_legal_move(board, text, number))
    except PositionError:
        while len(board.move_stack) > before:
            board.pop()
        raise


def legal_move(board: chess.Board, text: str) -> chess.Move | None:
    """Returns the legal move that a text such as `e7e8q` means, or None."""
    try:
        move = board.parse_uci(text.lower())
    except ValueError:
        return None
    return move if move else None  # the null move 0000 is false


def _legal_move(board: chess.Board, text: str, number: int) -> chess.Move:
    move = legal_move(board, text)
    if move is None:
        raise PositionError(
            f"expected a legal move for position, got {shown(text)} as move {number} in "
            f"{board.fen()} (the position before this command is kept)"
        )
    return move


def _check_possible(board: chess.Board, fen: str) -> None:
    reasons = [
        str(status.name).lower().replace("_", " ") for status in chess.Status if board.status() & status and status.name
    ]
    if board.halfmove_clock > _LARGEST_COUNTER or board.fullmove_number > _LARGEST_COUNTER:
        reasons.append("move counter too large")
    if "bad castling rights" in reasons and not board.chess960:
        reasons.append("other castling needs UCI_Chess960")
    if reasons:
        raise PositionError(f"expected a position that a game can reach, got {shown(fen)} ({', '.join(reasons)})")
