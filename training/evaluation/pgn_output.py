"""Games of a match as PGN."""

import chess
import chess.pgn

from training.evaluation.match import MatchGame


def game_to_pgn(game: MatchGame, event: str) -> str:
    """Returns the PGN text of one game, ending in an empty line.

    Args:
      game: a finished game.
      event: the Event header.
    """
    record = game.record
    board = chess.Board()
    for move in record.moves:
        board.push(move)
    pgn = chess.pgn.Game.from_board(board)
    pgn.headers["Event"] = event
    # PGN numbers the games of a pair as sub-rounds: 7.1 and 7.2.
    pgn.headers["Round"] = f"{game.pair + 1}.{1 if game.first_is_white else 2}"
    pgn.headers["White"] = record.white
    pgn.headers["Black"] = record.black
    pgn.headers["Result"] = record.result
    pgn.headers["Opening"] = record.opening.name
    pgn.headers["Termination"] = record.termination
    pgn.headers["PlyCount"] = str(len(record.moves))
    return pgn.accept(chess.pgn.StringExporter(columns=80)) + "\n\n"
