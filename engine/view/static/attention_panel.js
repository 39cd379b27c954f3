/**
 * Attention of a square, or to it: every head as a small board, the chosen one on the large board.
 *
 * A head is a number, null for the mean of a block's heads, or "rollout": the product over the blocks of half the mean
 * and half the identity, which follows what is passed on by the residual stream (Abnar & Zuidema 2020).
 */

import { byId, h, s } from "./dom.js";

export class AttentionPanel {
  /** onHead takes a block and a head, onSquare a square. */
  constructor(onHead, onSquare) {
    Object.assign(this, { onHead, onSquare });
  }

  /** Shows all heads and returns the chosen one's weights by square, relative to the greatest. */
  show(attention, { square, block, head, to, flip, off, matrix }) {
    const blocks = attention.weights.length;
    const chosenBlock = Math.min(block ?? blocks - 1, blocks - 1);
    const heads = attention.weights[chosenBlock].length;
    const chosenHead = typeof head === "number" ? Math.min(head, heads - 1) : head;
    const chip = (index, at, text) => {
      const weights = weightsOf(attention, { square, block: index, head: at, to });
      const isOff = off.includes(`${index}.${at}`);
      const name = `${at === "rollout" ? "" : `block ${index + 1}, `}${nameOf(at)}${isOff ? ", off" : ""}`;
      const pressed = at === "rollout" ? chosenHead === at : index === chosenBlock && at === chosenHead;
      return h("button", { class: `head${isOff ? " off" : ""}`, "aria-pressed": String(pressed), "aria-label": name, title: name,
        "data-block": index, "data-head": at ?? "mean", onclick: () => this.onHead(index, at) },
      miniBoard(weights, square, flip), h("span", {}, text));
    };
    const rows = attention.weights.map((_, index) => h("div", { class: "heads", role: "group", "aria-label": `block ${index + 1}` },
      h("h3", {}, `block ${index + 1}`), ...[null, ...Array(heads).keys()].map((at) => chip(index, at, at === null ? "mean" : at + 1)),
      ...(index === blocks - 1 ? [chip(index, "rollout", "rollout")] : [])));
    // Focus would be lost with the button that had it.
    const focused = document.activeElement?.dataset;
    const wasHere = byId("heads").contains(document.activeElement);
    byId("heads").replaceChildren(...rows);
    if (wasHere) byId("heads").querySelector(`[data-block="${focused.block}"][data-head="${focused.head}"]`)?.focus();
    const weights = weightsOf(attention, { square, block: chosenBlock, head: chosenHead, to });
    byId("matrix-chart").replaceChildren(...(matrix
      ? [matrixChart(attention, matrixOf(attention, { block: chosenBlock, head: chosenHead }), square, this.onSquare)] : []));
    byId("attention-text").textContent = sentence(attention, weights, { square, block: chosenBlock, head: chosenHead, to });
    return relative(weights);
  }
}

const mean = (matrices) => matrices[0].map((row, i) => row.map((_, j) => matrices.reduce((sum, m) => sum + m[i][j], 0) / matrices.length));

/** Returns the weights of a head as rows of queries. */
export function matrixOf(attention, { block, head }) {
  if (head === null) return mean(attention.weights[block]);
  if (head !== "rollout") return attention.weights[block][head];
  const passed = attention.weights.map((heads) => mean(heads).map((row, i) => row.map((weight, j) => (weight + (i === j)) / 2)));
  return passed.reduce((before, layer) => layer.map((row) => row.map((_, j) => row.reduce((sum, weight, k) => sum + weight * before[k][j], 0))));
}

/** Returns [square, weight] pairs; none when no token stands on the square. */
export function weightsOf(attention, { square, block, head, to }) {
  const index = attention.squares.indexOf(square);
  if (index < 0) return [];
  const matrix = matrixOf(attention, { block, head });
  return attention.squares.map((name, other) => [name, to ? matrix[other][index] : matrix[index][other]]);
}

const nameOf = (head) => (head === null ? "mean of heads" : head === "rollout" ? "rollout of all blocks" : `head ${head + 1}`);

/** Returns all weights as one picture: a row a query, a column a key; a click on it chooses the query. */
function matrixChart(attention, matrix, square, onSquare) {
  const { squares } = attention;
  const count = squares.length;
  const size = 100 / count;
  const root = s("svg", { viewBox: "-6 -6 106 106", role: "img", class: "matrix",
    "aria-label": "attention of every token (rows) to every token (columns)" });
  const greatest = Math.max(...matrix.flat(), 1e-9);
  matrix.forEach((row, i) => row.forEach((weight, j) => {
    if (weight < 0.02 * greatest) return;
    root.append(s("rect", { x: j * size, y: i * size, width: size, height: size, class: "heat", opacity: (weight / greatest).toFixed(2) },
      s("title", {}, `${squares[i]} to ${squares[j]}: ${(100 * weight).toFixed(1)}%`)));
  }));
  if (count <= 34) {
    squares.forEach((name, i) => root.append(
      s("text", { x: -1, y: (i + 0.75) * size, class: "end" }, name), s("text", { transform: `translate(${((i + 0.72) * size).toFixed(2)} -1) rotate(-90)` }, name)));
  }
  const chosen = squares.indexOf(square);
  if (chosen >= 0) root.append(s("rect", { x: 0, y: chosen * size, width: 100, height: size, class: "mini-chosen row-chosen" }));
  root.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    onSquare(squares[Math.min(Math.max(Math.floor(at.y / size), 0), count - 1)]);
  });
  return root;
}

function relative(weights) {
  const greatest = Math.max(...weights.map(([, weight]) => weight), 1e-9);
  return new Map(weights.map(([square, weight]) => [square, weight / greatest]));
}

function sentence(attention, weights, { square, block, head, to }) {
  const where = head === "rollout" ? nameOf(head) : `block ${block + 1}, ${nameOf(head)}`;
  if (!weights.length) return `Nothing stands on ${square}, and only pieces are tokens of this network.`;
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
