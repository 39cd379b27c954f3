"""Computes the network's input features of every square: static facts of one board, without making a move.

The same code computes them on the host (NumPy) and inside compiled programs (JAX); all are exact small numbers.
"""

from engine.encoding import geometry
from engine.encoding.attacks import Array, Attacks, attacker_counts, attacks_of
from engine.encoding.exchange import exchange_values
from engine.encoding.position import EN_PASSANT, HALF_MOVES, POSITION_SIZE, REPETITIONS
from engine.encoding.threats import Threats, threats_of

# (group, number of features), in order. "Side" runs over mover, opponent; "kind" over pawn to king.
FEATURE_GROUPS = (
    ("piece: side, kind", 12),
    ("rook that may castle: side", 2),
    ("en-passant target", 1),
    ("half-move clock / 128, repetitions at least 1 and 2", 3),
    ("attackers at least 1, 2, 3: side", 6),
    ("least valuable attacker: side, kind", 12),
    ("attackers through one piece: side, at least 1", 2),
    ("square gives check to the other king: side, by knight, diagonal, orthogonal, pawn", 8),
    ("next to the king: side", 2),
    ("on a line from a slider through one piece to the king: side of the king", 2),
    ("exchange value of arriving: side, kind, in units of 4 pawns, clipped to 9 pawns", 12),
    ("exchange value of arriving is a loss: side, kind", 12),
    ("worth of the best capture here: side that captures, in units of 4 pawns", 2),
    ("worth attacked from here: side, kind, in units of 4 pawns, clipped to 9 pawns", 12),
    ("own worth in danger guarded from here: side, kind, in units of 4 pawns, clipped to 9 pawns", 12),
    ("squares left to the other king with a piece here: side, kind, in units of 4", 12),
    ("own worth in danger if the piece here no longer guards: side, in units of 4 pawns, clipped to 9 pawns", 2),
    ("worth attacked through the piece here: side that attacks, in units of 4 pawns, clipped to 9 pawns", 2),
    ("squares the piece here attacks: without own pieces, without loss, in units of 8", 2),
    ("no pawn of the other side ahead on this file and the next ones: side", 2),
)
FEATURES = sum(size for _, size in FEATURE_GROUPS)  # F


def square_features(position: Array, attacks: Attacks | None = None) -> Array:
    """Computes the features of every square.

    Args:
      position: int8 `[B, P]` encoded positions.
      attacks: their attack relations, if already at hand.

    Returns:
      float32 `[B, S, F]`, features in the order of `FEATURE_GROUPS`.
    """
    if position.ndim != 2 or position.shape[1] != POSITION_SIZE:
        raise ValueError(f"expected positions of shape [B, {POSITION_SIZE}], got: {list(position.shape)}")
    xp = position.__array_namespace__()
    attacks = attacks_of(position) if attacks is None else attacks
    pieces, counts = attacks.pieces, attacker_counts(attacks.pieces, attacks.direct)
    totals = xp.sum(counts, axis=2)  # [B, 2, S]
    exchanges = exchange_values(counts, pieces)  # [B, 2, 6, S]
    groups = [
        _merged(pieces),
        _merged(xp.stack([position[:, :64] == 7, position[:, :64] == -7], axis=1)),
        _flags(position),
        _merged(xp.stack([totals >= least for least in (1, 2, 3)], axis=2)),
        _merged((counts > 0) & (xp.cumulative_sum(counts, axis=2) == counts)),
        xp.sum(attacker_counts(pieces, attacks.through), axis=2) > 0,
        _king_lines(attacks),
        _merged(xp.clip(exchanges, -9.0, 9.0) / 4.0),
        _merged(exchanges < 0),
        _best_captures(pieces, counts, exchanges),
        *_threat_groups(threats_of(attacks, counts, exchanges)),
        _passed_pawns(pieces),
    ]
    by_feature = xp.concat([xp.astype(group, xp.float32) for group in groups], axis=1)  # [B, F, S]
    return xp.permute_dims(by_feature, (0, 2, 1))


def _merged(group: Array) -> Array:
    """Merges the axes between batch and squares."""
    xp = group.__array_namespace__()
    return xp.reshape(group, (group.shape[0], -1, 64))


def _flags(position: Array) -> Array:
    """Returns en passant, clock and repetitions `[B, 4, S]`; the last three are the same on every square."""
    xp = position.__array_namespace__()
    squares = xp.arange(64, dtype=xp.int8)
    en_passant = xp.astype(position[:, EN_PASSANT, None] == squares[None, :], xp.float32)
    clock = xp.astype(position[:, HALF_MOVES], xp.float32) / 128.0
    repeated = [xp.astype(position[:, REPETITIONS] >= least, xp.float32) for least in (1, 2)]
    board_wide = xp.stack([clock, *repeated], axis=1)  # [B, 3]
    return xp.concat([en_passant[:, None, :], xp.repeat(board_wide[:, :, None], 64, axis=2)], axis=1)


def _king_lines(attacks: Attacks) -> Array:
    """Returns the three groups seen from the kings, `[B, 8 + 2 + 2, S]`."""
    xp = attacks.pieces.__array_namespace__()
    checks, zones, lines = [], [], []
    for side in (0, 1):
        king, other_king = attacks.pieces[:, side, 5], attacks.pieces[:, 1 - side, 5]  # [B, S]
        # Kings alone are selected here, so the product with a one-hot row is an exact selection.
        seen = (other_king[:, None, :] @ attacks.open_lines)[:, 0]
        pawns = geometry.PAWN_UP if side == 0 else geometry.PAWN_DOWN
        diagonal = seen * (other_king @ xp.asarray(geometry.DIAGONAL))
        orthogonal = seen * (other_king @ xp.asarray(geometry.ORTHOGONAL))
        checks += [other_king @ xp.asarray(geometry.KNIGHT), diagonal, orthogonal, other_king @ xp.asarray(pawns.T)]
        zones.append(king @ xp.asarray(geometry.KING))
        their_pieces = xp.sum(attacks.pieces[:, 1 - side], axis=1)  # [B, S]
        snipers = (attacks.through @ king[:, :, None])[:, :, 0] * their_pieces  # [B, S]
        between_king = xp.reshape(king @ xp.asarray(geometry.BETWEEN.reshape(64, 4096)), (-1, 64, 64))
        lines.append((snipers[:, None, :] @ between_king)[:, 0])
    return xp.stack([*checks, *zones, *lines], axis=1)


def _best_captures(pieces: Array, counts: Array, exchanges: Array) -> Array:
    """Returns the worth of each side's best capture on each square, `[B, 2, S]`, at least 0."""
    xp = pieces.__array_namespace__()
    occupied = xp.stack([xp.sum(pieces[:, 1], axis=1), xp.sum(pieces[:, 0], axis=1)], axis=1)  # [B, 2, S]
    possible = (counts > 0) & (occupied > 0)[:, :, None, :]
    best = xp.max(xp.where(possible, exchanges, xp.zeros_like(exchanges)), axis=2)
    return xp.clip(best, 0.0, 9.0) / 4.0


def _threat_groups(threats: Threats) -> list[Array]:
    xp = threats.attacks.__array_namespace__()
    return [
        *(_merged(xp.clip(worth, 0.0, 9.0) / 4.0) for worth in (threats.attacks, threats.guards)),
        _merged(threats.flights) / 4.0,
        *(xp.clip(worth, 0.0, 9.0) / 4.0 for worth in (threats.leaves, threats.screens)),
        xp.stack([threats.mobility, threats.safe_mobility], axis=1) / 8.0,
    ]


def _passed_pawns(pieces: Array) -> Array:
    """Returns where a pawn of each side would be passed, `[B, 2, S]`."""
    xp = pieces.__array_namespace__()
    ahead = xp.asarray(geometry.AHEAD)
    return xp.stack([pieces[:, 1, 0] @ ahead.T, pieces[:, 0, 0] @ ahead], axis=1) == 0
