/** What each piece is worth to the network: how the verdict changes when it is removed. */

import { signed } from "./dom.js";

/** Returns heat by square: above 0 where the mover would be worse off without the piece, below 0 where better. */
export function heatOfWorth({ pieces }) {
  const greatest = Math.max(...pieces.map((piece) => Math.abs(piece.change)), 1e-9);
  return new Map(pieces.map((piece) => [piece.square, -piece.change / greatest]));
}

export function sentenceOfWorth({ pieces }) {
  const top = [...pieces].sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, 4);
  const list = top.map(({ piece, square, change }) => `${piece}${square} ${signed(change, 2)}`).join(", ");
  return pieces.length ? `The mover's value changes most without ${list}. Orange: better with the piece; blue: better without.` : "No piece can be removed.";
}
