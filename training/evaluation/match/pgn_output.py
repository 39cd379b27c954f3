"""Writes the games of a match as PGN, with the tags and comments of fastchess.

Both games of a pair have the same Round; every move has a comment `{+0.35/12 0.021s, n=4711}` of
score for the mover, depth, time and nodes; the last one says how the game ended.
"""

from datetime import datetime, timedelta

import chess
import chess.pgn

from training.evaluation.engines.match_player import Thought
from training.evaluation.failures import EvaluationError
from training.evaluation.match.game import GameRecord, MatchGame

# Termination as fastchess writes it, and the reason; {loser} and {winner} are colours.
_ENDINGS = {
    "checkmate": ("normal", "{winner} mates"),
    "stalemate": ("normal", "Draw by stalemate"),
    "insufficient material": ("normal", "Draw by insufficient mating material"),
    "threefold repetition": ("normal", "Draw by 3-fold repetition"),
    "fifty moves": ("normal", "Draw by fifty moves rule"),
    "resignation": ("normal", "{loser} resigns"),
    "ply limit": ("adjudication", "Draw by adjudication: maximum length"),
    "adjudicated draw": ("adjudication", "Draw by adjudication"),
    "adjudicated win": ("adjudication", "{winner} wins by adjudication"),
    "illegal move": ("illegal move", "{loser} makes an illegal move"),
    "crash": ("abandoned", "{loser} disconnects"),
    "stall": ("abandoned", "{loser}'s connection stalls"),
    "time loss": ("time forfeit", "{loser} loses on time"),
}


def game_to_pgn(game: MatchGame, event: str, limits: tuple[str, str] = ("", "")) -> str:
    """Returns the PGN text of one game, ending in an empty line.

    Args:
      game: a finished game.
      event: the Event header.
      limits: what a move costs the first and the second player, such as "nodes=1" or "tc=1+0.01".

    Raises:
      EvaluationError: the game has a null move, which is none of chess.
    """
    record = game.record
    if not all(record.moves):
        raise EvaluationError(f"expected a game of chess to write as PGN, got a null move in game {game.number}")
    pgn = chess.pgn.Game()
    pgn.setup(record.opening.start())
    pgn.headers.clear()
    pgn.headers.update(_headers(game, event, limits))
    _add_moves(pgn, record)
    return pgn.accept(_MatchExporter(columns=80)) + "\n\n"


class _MatchExporter(chess.pgn.StringExporter):
    """Writes `{comment}` as one word, where python-chess puts spaces and repeats the move number; escapes tags."""

    def visit_header(self, tagname: str, tagvalue: str) -> None:
        r"""Writes a tag; the standard escapes `"` and `\` by a backslash, and has no line ends in values."""
        value = " ".join(tagvalue.replace("\\", "\\\\").replace('"', '\\"').split())
        self.write_line(f'[{tagname} "{value}"]')

    def visit_comment(self, comment: str | list[str]) -> None:
        """Writes a comment, which cannot hold the brace that ends it."""
        text = comment if isinstance(comment, str) else " ".join(comment)
        self.write_token(f"{{{text.replace('}', ')').replace('{', '(')}}} ")


def _headers(game: MatchGame, event: str, limits: tuple[str, str]) -> dict[str, str]:
    record = game.record
    day = record.started_utc[:10].replace("-", ".") or "????.??.??"
    headers = {
        "Event": event,
        "Site": "?",
        "Date": day,
        "Round": str(game.pair + 1),
        "White": record.white,
        "Black": record.black,
        "Result": record.result,
    }
    start = record.opening.start()
    if record.opening.chess960:
        headers["Variant"] = "Chess960"
    if record.opening.chess960 or start.fen() != chess.STARTING_FEN:
        headers |= {"SetUp": "1", "FEN": start.fen()}
    headers |= {
        "GameDuration": _clock_text(record.duration_s),
        "GameStartTime": record.started_utc,
        "GameEndTime": _end_utc(record),
        "PlyCount": str(len(record.moves)),
        "Termination": _ENDINGS[record.termination][0],
        "Opening": record.opening.name,
    }
    return headers | _limit_headers(limits if game.first_is_white else limits[::-1])


def _limit_headers(limits: tuple[str, ...]) -> dict[str, str]:
    white, black = limits
    if not white:
        return {}
    controls = _time_control(white), _time_control(black)
    if controls[0] == controls[1]:
        headers = {"TimeControl": controls[0]}
    else:
        headers = {"WhiteTimeControl": controls[0], "BlackTimeControl": controls[1]}
    if "-" in controls:  # nodes or depth, which a time control cannot say
        headers |= {"WhiteLimit": white, "BlackLimit": black}
    return headers


def _time_control(limit: str) -> str:
    """Returns a limit as fastchess writes a time control: clock, seconds a move, or `-` for anything else."""
    kind, _, value = limit.partition("=")
    if kind == "tc":
        return value
    return f"{int(value) / 1000:g}/move" if kind == "movetime" else "-"


def _end_utc(record: GameRecord) -> str:
    if not record.started_utc:
        return ""
    end = datetime.fromisoformat(record.started_utc) + timedelta(seconds=record.duration_s)
    return end.isoformat(timespec="seconds")


def _add_moves(pgn: chess.pgn.Game, record: GameRecord) -> None:
    node: chess.pgn.GameNode = pgn
    opening_plies = len(record.opening.moves)
    for ply, move in enumerate(record.moves):
        node = node.add_variation(move)
        thought = ply - opening_plies
        node.comment = "book" if thought < 0 else _comment(record.thoughts, thought)
    winner, loser = ("White", "Black") if record.white_points == 1 else ("Black", "White")
    reason = _ENDINGS[record.termination][1].format(winner=winner, loser=loser)
    node.comment = f"{node.comment}, {reason}" if node.comment else reason


def _comment(thoughts: tuple[Thought, ...], number: int) -> str:
    if number >= len(thoughts):
        return ""
    thought = thoughts[number]
    nodes = "" if thought.nodes is None else f", n={thought.nodes}"
    return f"{_score_text(thought)}/{thought.depth or 0} {thought.elapsed_s:.3f}s{nodes}"


def _score_text(thought: Thought) -> str:
    if thought.mate is not None:
        # Like fastchess and cutechess in plies: mate in 2 of one's own moves is +M3.
        return f"+M{2 * thought.mate - 1}" if thought.mate > 0 else f"-M{-2 * thought.mate}"
    if not thought.score_cp:
        return "0.00"
    return f"{thought.score_cp / 100:+.2f}"


def _clock_text(duration_s: float) -> str:
    seconds = round(duration_s)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
