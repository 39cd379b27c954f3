/** What each man is worth to the network: how the verdict changes when it is taken off the board. */

import { signed } from "./dom.js";

/** Returns heat by square: above 0 where the mover would be worse off without the man, below 0 where better. */
export function heatOfWorth({ men }) {
  const greatest = Math.max(...men.map((man) => Math.abs(man.change)), 1e-9);
  return new Map(men.map((man) => [man.square, -man.change / greatest]));
}

export function sentenceOfWorth({ men }) {
  const top = [...men].sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, 4);
  const list = top.map((man) => `${man.man}${man.square} ${signed(man.change, 2)}`).join(", ");
  return men.length ? `The mover's value changes most without ${list}. Orange: better with the man; blue: better without.` : "No man can be taken off.";
}
