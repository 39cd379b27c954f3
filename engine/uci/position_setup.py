"""From a `position` command to a board, as far as the command can be followed, and what was wrong with it."""

import dataclasses
from dataclasses import dataclass

import chess

from engine.uci.commands import Position, shown

_LARGEST_COUNTER = 32767
# No game reaches these, but they can be played on, and composers set them up.
_PLAYABLE = (
    chess.STATUS_TOO_MANY_CHECKERS
    | chess.STATUS_IMPOSSIBLE_CHECK
    | chess.STATUS_TOO_MANY_WHITE_PAWNS
    | chess.STATUS_TOO_MANY_BLACK_PAWNS
)


class PositionError(ValueError):
    """The position cannot be played; the text is one line."""


@dataclass(frozen=True, eq=False)
class Setup:
    """A position of the game and the command that set it up."""

    command: Position  # with the moves that were made
    chess960: bool
    board: chess.Board  # its move stack holds the game
    problem: str = ""  # what of the command was left out, one line; empty if nothing was

    def followed_by(self, command: Position, chess960: bool) -> "Setup":
        """Returns the setup of the next command; what it shares with this one is not replayed.

        The board may be this one's, so this setup must not be used any more, unless PositionError is raised.

        Args:
          command: the position; the FEN may lack its last fields. Moves from the first illegal one on are left out.
          chess960: whether castling is written king takes rook, and any castling right is allowed.

        Raises:
          PositionError: the FEN cannot be read, or the position cannot be played.
        """
        known = len(self.command.moves)
        same_start = (command.fen, chess960) == (self.command.fen, self.chess960)
        if same_start and command.moves[:known] == self.command.moves:
            return _with_moves(dataclasses.replace(self, problem=""), command.moves[known:])
        return _with_moves(_start(command.fen, chess960), command.moves)


def new_game(chess960: bool) -> Setup:
    """Returns the setup of the starting position."""
    return Setup(Position(None, ()), chess960, chess.Board(chess960=chess960))


def _start(fen: str | None, chess960: bool) -> Setup:
    """Returns the setup of a FEN without moves; rights that the men do not bear out are left out.

    Raises:
      PositionError: the FEN cannot be read, or the position cannot be played.
    """
    if fen is None:
        return new_game(chess960)
    try:
        board = chess.Board(fen, chess960=chess960)
    except (ValueError, IndexError) as error:
        raise PositionError(f"expected a FEN for position, got {shown(fen)} ({error})") from error
    left_out = []
    if board.status() & chess.STATUS_BAD_CASTLING_RIGHTS:
        board.castling_rights = board.clean_castling_rights()
        left_out.append("castling rights" if chess960 else "castling rights, which may need UCI_Chess960")
    if board.status() & chess.STATUS_INVALID_EP_SQUARE:
        board.ep_square = None
        left_out.append("en-passant square")
    _check_possible(board, fen)
    problem = f"expected a position that a game can reach, got {shown(fen)} (left out: {' and '.join(left_out)})"
    return Setup(Position(fen, ()), chess960, board, problem if left_out else "")


def _with_moves(setup: Setup, moves: tuple[str, ...]) -> Setup:
    """Makes moves on the setup's board, up to the first illegal one."""
    board, made, problem = setup.board, setup.command.moves, setup.problem
    for count, text in enumerate(moves):
        move = legal_move(board, text)
        if move is None:
            problem = (
                f"expected a legal move for position, got {shown(text)} as move {len(made) + count + 1} in "
                f"{board.fen()} (it and what follows are left out)"
            )
            moves = moves[:count]
            break
        board.push(move)
    return dataclasses.replace(setup, command=Position(setup.command.fen, made + moves), problem=problem)


def legal_move(board: chess.Board, text: str) -> chess.Move | None:
    """Returns the legal move that a text such as `e7e8q` means, or None."""
    try:
        move = board.parse_uci(text.lower())
    except ValueError:
        return None
    return move if move else None  # the null move 0000 is false


def _check_possible(board: chess.Board, fen: str) -> None:
    unplayable = board.status() & ~_PLAYABLE
    reasons = [str(status.name).lower().replace("_", " ") for status in chess.Status if unplayable & status]
    if board.halfmove_clock > _LARGEST_COUNTER or board.fullmove_number > _LARGEST_COUNTER:
        reasons.append("move counter too large")
    if reasons:
        raise PositionError(f"expected a position that can be played, got {shown(fen)} ({', '.join(reasons)})")
