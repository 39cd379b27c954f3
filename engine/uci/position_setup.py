"""Sets up the board that a `position` command describes, or says why it cannot be played.

A position that cannot be played is refused as a whole, also for an illegal move in its list: the engine then has no
position, and `go` answers `bestmove (none)` until the next good `position` or `ucinewgame`. A move for an older
position would be illegal in the program's, or worse, legal by chance. Why `(none)` and going on:
  * Stockfish ends its process after such a command (`terminate_on_critical_error` in its uci.cpp); Arena then hangs
    until it is started again (official-stockfish/Stockfish, issue 7000).
  * python-chess reads `(none)` as no move, and `0000` as a null move that it plays; a move that is illegal on its board
    makes lichess-bot resign.
  * Cute Chess and fastchess end the game for any answer that is no legal move, and start the next one.
What is only odd is played: nine pawns, impossible checks; castling and en-passant rights that the pieces contradict are
left out. More than 16 pieces a side are refused, since the network was never shown any.
"""

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
    """A position of a game and the command that set it up.

    Attributes:
      command: the last `position`.
      chess960: whether castling is written king takes rook, and any castling right is allowed.
      board: the position, with its game in the move stack.
      problem: the rights that were left out, in one line, or "".
    """

    command: Position
    chess960: bool
    board: chess.Board
    problem: str = ""

    def followed_by(self, command: Position, chess960: bool) -> "Setup":
        """Returns the setup of the next command; moves that it shares with this one are not replayed.

        The new setup may take over this one's board, so use this one no more unless PositionError is raised.

        Args:
          command: the position; its FEN may lack the last fields.
          chess960: see the attribute.

        Raises:
          PositionError: the FEN cannot be read, the position cannot be played, or a move is illegal.
        """
        known = len(self.command.moves)
        same_start = (command.fen, chess960) == (self.command.fen, self.chess960)
        if same_start and command.moves[:known] == self.command.moves:
            _make_moves(self.board, command.moves, known)
            return dataclasses.replace(self, command=command, problem="")
        setup = _start(command.fen, chess960)
        _make_moves(setup.board, command.moves, 0)
        return dataclasses.replace(setup, command=command)


def new_game(chess960: bool) -> Setup:
    """Returns the setup of the starting position."""
    return Setup(Position(None, ()), chess960, chess.Board(chess960=chess960))


def legal_move(board: chess.Board, text: str) -> chess.Move | None:
    """Returns the legal move that a text such as `e7e8q` means, or None."""
    try:
        move = board.parse_uci(text.lower())
    except ValueError:
        return None
    return move if move else None  # the null move 0000 is false


def _start(fen: str | None, chess960: bool) -> Setup:
    """Returns the setup of a FEN without moves; rights that the pieces contradict are left out.

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
    _check_playable(board, fen)
    problem = f"expected a position that a game can reach, got {shown(fen)} (left out: {' and '.join(left_out)})"
    return Setup(Position(fen, ()), chess960, board, problem if left_out else "")


def _make_moves(board: chess.Board, moves: tuple[str, ...], made: int) -> None:
    """Makes the moves of a game from one on; leaves the board as it was if one is illegal.

    Raises:
      PositionError: a move is illegal.
    """
    for index, text in enumerate(moves[made:], start=made):
        move = legal_move(board, text)
        if move is None:
            problem = f"expected a legal move for position, got {shown(text)} as move {index + 1} in {board.fen()}"
            for _ in range(index - made):
                board.pop()
            raise PositionError(problem)
        board.push(move)


def _check_playable(board: chess.Board, fen: str) -> None:
    unplayable = board.status() & ~_PLAYABLE
    reasons = [str(status.name).lower().replace("_", " ") for status in chess.Status if unplayable & status]
    if board.halfmove_clock > _LARGEST_COUNTER or board.fullmove_number > _LARGEST_COUNTER:
        reasons.append("move counter too large")
    if reasons:
        raise PositionError(f"expected a position that can be played, got {shown(fen)} ({', '.join(reasons)})")
