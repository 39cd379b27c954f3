"""RecurseZero's player: one evaluation of a recursive transformer gives the move; nothing searches.

A position is encoded for the side to move (`encoding`), a transformer block is iterated on it to a
fixed point (`network` on top of the solvers of `fixed_point`), heads read the policy over the legal
moves and win/draw/loss from the equilibrium, `player` turns them into a move, and `uci` talks to
the chess programs. Weights are loaded by `checkpoint`. Imports point one way only:
uci -> player -> checkpoint -> network -> fixed_point, with encoding (NumPy and python-chess, no
JAX) at the bottom; engine never imports training.

Reading order: `uci_main.py`, this file, `player/`, `network/`, `fixed_point/`, then `encoding/`;
docs/architecture.md has the map and two walks through it.

Axis letters, used in every docstring and shape comment (in lower case in einsums):

  B  batch
  T  time steps of a trajectory
  K  unroll steps of the learned model
  S  64 squares, rank * 8 + file in the mover's view
  N  tokens: 32 piece slots or 64 squares
  D  model width
  H  attention heads
  C  width of one head, D // H
  F  features of a square
  P  67 bytes of an encoded position
  A  4672 move labels as Pgx numbers them
  Z  4288 policy cells: 64 * 64 from-to pairs, then 192 under-promotions
  M  past iterates remembered by a solver
  I  solver iterations
  L  legal moves of a position
"""
