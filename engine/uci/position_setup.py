"""From a `position` command to a board, or to one line saying why it cannot be played."""

import chess

from engine.uci.commands import Position, shown

_LARGEST_COUNTER = 32767


class PositionError(ValueError):
    """The position or one of the moves is impossible; the text is one line."""


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
    for number, text in enumerate(command.moves, start=1):
        board.push(_legal_move(board, text, number))
    return board


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
