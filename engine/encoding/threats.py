"""Computes what a piece would attack, guard or leave undefended by moving: one step beyond the exchange values.

An exchange value says what a piece wins or loses on the square where it arrives. These facts say what it would attack
from there, what hangs once it leaves, and what it blocks. All are computed on the board as it is: sliders move along
the lines that are open now.
"""

from typing import NamedTuple

from engine.encoding import geometry
from engine.encoding.attacks import KINDS, Array, Attacks
from engine.encoding.exchange import PIECE_VALUES, dangers

_MOST = 9.0  # pawns: no single capture counts for more than a queen


class Threats(NamedTuple):
    """Holds the facts of every square; worth is in pawns, and kings count 0."""

    attacks: Array  # [B, 2, 6, S] worth of all captures that this side's piece of this kind would have from here
    guards: Array  # [B, 2, 6, S] worth of this side's pieces in danger that it would guard from here
    flights: Array  # [B, 2, 6, S] squares the other king could still flee to, with this side's piece of this kind here
    leaves: Array  # [B, 2, S] how much more the other side could win if this side's piece here no longer guarded
    screens: Array  # [B, 2, S] worth that this side's sliders would attack if the piece here were gone
    mobility: Array  # [B, S] squares without a piece of its own side that the piece here attacks
    safe_mobility: Array  # [B, S] those of them where its exchange value is no loss


def threats_of(attacks: Attacks, counts: Array, exchanges: Array) -> Threats:
    """Computes the threats of a batch of boards.

    Args:
      attacks: of the boards.
      counts: float32 `[B, 2, 6, S]` attackers by side and kind.
      exchanges: float32 `[B, 2, 6, S]` exchange values in pawns (`exchange.exchange_values`).
    """
    xp = counts.__array_namespace__()
    pieces = attacks.pieces
    worth = xp.asarray((*PIECE_VALUES[:5], 0.0), dtype=xp.float32)  # a king cannot be captured
    values = xp.sum(pieces * worth[None, None, :, None], axis=2)  # [B, 2, S]
    others = xp.flip(counts, axis=1)
    danger = xp.clip(dangers(values, others, counts), 0.0, _MOST)  # [B, 2, S]
    fewer = xp.clip(counts[:, :, None] - xp.eye(KINDS, dtype=xp.float32)[None, None, :, :, None], 0.0, None)
    alone = xp.clip(dangers(values[:, :, None], others[:, :, None], fewer), 0.0, _MOST)  # [B, 2, 6, S] without a kind
    captures = xp.clip(exchanges, 0.0, _MOST) * xp.astype(xp.flip(values, axis=1) > 0, xp.float32)[:, :, None]
    flights = _flights(pieces, counts)
    reached = _reached(attacks, xp.concat([captures, danger[:, :, None], flights[:, :, None]], axis=2))
    free = 1.0 - xp.sum(pieces, axis=2)  # [B, 2, S] of pieces of that side
    safe = xp.astype(exchanges >= 0, xp.float32) * free[:, :, None]
    seen = _seen(attacks, xp.concat([alone - danger[:, :, None], safe, free[:, :, None]], axis=2))  # [B, 2, 13, S]
    return Threats(
        attacks=xp.stack([reached[:, :, kind, kind] for kind in range(KINDS)], axis=2),
        guards=reached[:, :, :, KINDS],
        flights=xp.sum(flights, axis=2)[:, :, None, None] - reached[:, :, :, KINDS + 1],
        leaves=xp.sum(seen[:, :, :KINDS] * pieces, axis=2),
        screens=_screens(attacks, counts, values),
        mobility=xp.sum(seen[:, :, 2 * KINDS, None] * pieces, axis=(1, 2)),
        safe_mobility=xp.sum(seen[:, :, KINDS : 2 * KINDS] * pieces, axis=(1, 2)),
    )


def _flights(pieces: Array, counts: Array) -> Array:
    """Returns 1 where the other side's king may go, `[B, 2, S]` by the side that attacks it."""
    xp = pieces.__array_namespace__()
    near = xp.flip(pieces[:, :, 5], axis=1) @ xp.asarray(geometry.KING)
    is_free = 1.0 - xp.flip(xp.sum(pieces, axis=2), axis=1)
    return near * is_free * xp.astype(xp.sum(counts, axis=2) == 0, xp.float32)


def _reached(attacks: Attacks, values: Array) -> Array:
    """Sums values `[B, 2, V, S]` over what each kind of piece would attack from each square: `[B, 2, 6, V, S]`."""
    xp = values.__array_namespace__()
    flat = xp.reshape(values, (values.shape[0], -1, 64))
    # All relations but the pawns' are symmetric, so they need no transposition.
    diagonal = flat @ (attacks.open_lines * xp.asarray(geometry.DIAGONAL)[None])
    orthogonal = flat @ (attacks.open_lines * xp.asarray(geometry.ORTHOGONAL)[None])
    knight, king = flat @ xp.asarray(geometry.KNIGHT), flat @ xp.asarray(geometry.KING)
    up, down = values[:, 0] @ xp.asarray(geometry.PAWN_UP.T), values[:, 1] @ xp.asarray(geometry.PAWN_DOWN.T)
    pieces = [xp.reshape(piece, values.shape) for piece in (knight, diagonal, orthogonal, diagonal + orthogonal, king)]
    return xp.stack([xp.stack([up, down], axis=1), *pieces], axis=2)


def _seen(attacks: Attacks, values: Array) -> Array:
    """Sums values `[B, 2, V, S]` over what the piece on each square attacks: `[B, 2, V, S]`."""
    xp = values.__array_namespace__()
    flat = xp.permute_dims(xp.reshape(values, (values.shape[0], -1, 64)), (0, 2, 1))
    return xp.reshape(xp.permute_dims(attacks.direct @ flat, (0, 2, 1)), values.shape)


def _screens(attacks: Attacks, counts: Array, values: Array) -> Array:
    """Returns what sliders attack through the one piece on a square, `[B, 2, S]` by the side of the sliders.

    A guarded piece is worth what it costs less than the slider. The pieces in between may belong to either side.
    """
    xp = counts.__array_namespace__()
    is_guarded = xp.astype(xp.sum(counts, axis=2) > 0, xp.float32)  # [B, 2, S]
    stands = xp.sum(attacks.pieces, axis=2)
    hidden = []
    for side in (0, 1):
        price = values[:, side, :, None] * is_guarded[:, 1 - side, None, :]  # [B, S from, S to]
        gain = xp.clip(values[:, 1 - side, None, :] - price, 0.0, None) * attacks.through * stands[:, side, :, None]
        hidden.append(xp.reshape(gain, (-1, 4096)) @ xp.asarray(geometry.BETWEEN.reshape(4096, 64)))
    return xp.stack(hidden, axis=1) * xp.sum(stands, axis=1)[:, None]
