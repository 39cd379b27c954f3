"""Measures how often won endings are won against a uniform random mover."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import chess

from training.evaluation.engines.match_player import MatchPlayer
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.game import GameRecord, play_game
from training.evaluation.match.opening_book import Opening
from training.labels.won_endings import WON_ENDINGS, WonEnding, won_ending
from training.reporting.sampling_error import MeanEstimate, estimate_mean


@dataclass(frozen=True, kw_only=True)
class ConversionStart:
    """Holds a won position in which the measured player is to move."""

    kind: WonEnding
    opening: Opening


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """Holds the shares of games won within the moves allowed.

    Attributes:
      won: over all games.
      won_by_kind: by the ending they started from.
      moves: the winner's moves in the games that were won; None if there are none.
      terminations: how often the games ended in which way; "ply limit" is too slow.
    """

    won: MeanEstimate
    won_by_kind: dict[str, MeanEstimate]
    moves: MeanEstimate | None
    terminations: dict[str, int]


def conversion_starts(games: int, seed: int) -> list[ConversionStart]:
    """Returns that many different won positions, the kinds of ending interleaved; a function of the seed."""
    rng = random.Random(f"conversion {seed}")
    by_fen: dict[str, WonEnding] = {}
    while len(by_fen) < games:
        kind = WON_ENDINGS[len(by_fen) % len(WON_ENDINGS)]
        by_fen.setdefault(won_ending(rng, kind).fen(), kind)
    return [
        ConversionStart(kind=kind, opening=Opening(name=f"{kind} {number}", moves=(), start_fen=fen))
        for number, (fen, kind) in enumerate(by_fen.items(), 1)
    ]


def play_conversions(
    player: MatchPlayer,
    opponent: MatchPlayer,
    starts: Sequence[ConversionStart],
    max_moves: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[GameRecord]:
    """Plays one game from each start.

    Args:
      player: has the won side.
      opponent: has the other.
      starts: where the games begin.
      max_moves: the player's moves in which it has to mate.
      on_progress: called with the number of games finished since the last call.
    """
    rules = GameRules(max_plies=2 * max_moves - 1)  # the player moves first and last
    records = []
    for number, start in enumerate(starts, 1):
        is_white = start.opening.board().turn == chess.WHITE
        white, black = (player, opponent) if is_white else (opponent, player)
        records.append(play_game(white, black, start.opening, rules=rules, number=number))
        on_progress(1)
    return records


def report_conversions(starts: Sequence[ConversionStart], records: Sequence[GameRecord]) -> ConversionReport:
    """Summarises the games, at least one, in the order of their starts."""
    won = []
    for start, record in zip(starts, records, strict=True):
        is_white = start.opening.board().turn == chess.WHITE
        won.append(record.white_points == (1.0 if is_white else 0.0))
    of_kind = {kind: [won[place] for place, start in enumerate(starts) if start.kind == kind] for kind in WON_ENDINGS}
    lengths = [(len(record.moves) + 1) / 2 for record, is_won in zip(records, won, strict=True) if is_won]
    return ConversionReport(
        won=estimate_mean([float(is_won) for is_won in won]),
        won_by_kind={kind: estimate_mean([float(x) for x in results]) for kind, results in of_kind.items() if results},
        moves=estimate_mean(lengths) if lengths else None,
        terminations=dict(Counter(record.termination for record in records).most_common()),
    )
