/** Attention of a square, or to it: every head as a small board, the chosen one on the large board. */

import { byId, h, s } from "./dom.js";

export class AttentionPanel {
  /** onHead takes a block and a head; head null is the mean. */
  constructor(onHead) {
    this.onHead = onHead;
  }

  /** Shows all heads and returns the chosen one's weights by square, relative to the greatest. */
  show(attention, { square, block, head, to, flip }) {
    const blocks = attention.weights.length;
    const chosenBlock = Math.min(block ?? blocks - 1, blocks - 1);
    const heads = attention.weights[chosenBlock].length;
    const chosenHead = head === null ? null : Math.min(head, heads - 1);
    const rows = attention.weights.map((_, index) => h("div", { class: "heads", role: "group", "aria-label": `block ${index + 1}` },
      ...[null, ...Array(heads).keys()].map((at) => {
        const weights = weightsOf(attention, { square, block: index, head: at, to });
        const name = `block ${index + 1}, ${at === null ? "mean" : `head ${at + 1}`}`;
        const pressed = index === chosenBlock && at === chosenHead;
        return h("button", { class: "head", "aria-pressed": String(pressed), "aria-label": name, title: name,
          "data-block": index, "data-head": at ?? "mean", onclick: () => this.onHead(index, at) },
        miniBoard(weights, square, flip), h("span", {}, at === null ? "mean" : at + 1));
      })));
    // Focus would be lost with the button that had it.
    const focused = document.activeElement?.dataset;
    const wasHere = byId("heads").contains(document.activeElement);
    byId("heads").replaceChildren(...rows);
    if (wasHere) byId("heads").querySelector(`[data-block="${focused.block}"][data-head="${focused.head}"]`)?.focus();
    const weights = weightsOf(attention, { square, block: chosenBlock, head: chosenHead, to });
    byId("attention-text").textContent = sentence(attention, weights, { square, block: chosenBlock, head: chosenHead, to });
    return relative(weights);
  }
}

/** Returns [square, weight] pairs; none when no token stands on the square. */
export function weightsOf(attention, { square, block, head, to }) {
  const index = attention.squares.indexOf(square);
  if (index < 0) return [];
  const heads = head === null ? attention.weights[block] : [attention.weights[block][head]];
  return attention.squares.map((name, other) => {
    const total = heads.reduce((sum, matrix) => sum + (to ? matrix[other][index] : matrix[index][other]), 0);
    return [name, total / heads.length];
  });
}

function relative(weights) {
  const greatest = Math.max(...weights.map(([, weight]) => weight), 1e-9);
  return new Map(weights.map(([square, weight]) => [square, weight / greatest]));
}

function sentence(attention, weights, { square, block, head, to }) {
  const where = `block ${block + 1}, ${head === null ? "mean of heads" : `head ${head + 1}`}`;
  if (!weights.length) return `Nothing stands on ${square}, and only men are tokens of this network.`;
  const top = [...weights].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, weight]) => `${name} ${(100 * weight).toFixed(0)}%`);
  return `${square} ${to ? "is looked at from" : "looks at"} ${top.join(", ")} (${where})`;
}

function miniBoard(weights, chosen, flip) {
  const root = s("svg", { viewBox: "0 0 8 8", "aria-hidden": "true" });
  const greatest = Math.max(...weights.map(([, weight]) => weight), 1e-9);
  const place = (square) => {
    const [file, rank] = [square.charCodeAt(0) - 97, Number(square[1]) - 1];
    return { x: flip ? 7 - file : file, y: flip ? rank : 7 - rank, width: 1, height: 1 };
  };
  for (const [square, weight] of weights) {
    if (weight > 0.02 * greatest) root.append(s("rect", { ...place(square), class: "heat", opacity: (weight / greatest).toFixed(2) }));
  }
  if (chosen) root.append(s("rect", { ...place(chosen), class: "mini-chosen" }));
  return root;
}
