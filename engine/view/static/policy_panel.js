/** The policy over the legal moves, beside a teacher's values when one is asked. */

import { byId, h, percent, signed, stepsText } from "./dom.js";

const ARROWS = 4;
const LEAST = 1 / 20; // of the best move's probability

export class PolicyPanel {
  /** onMove takes a move in UCI text, onPoint the index of a move or null. */
  constructor(onMove, onPoint) {
    Object.assign(this, { onMove, onPoint });
    this.rows = byId("policy-rows");
  }

  /**
   * Shows the policy of a state. Of the others: teacher, successors and other are the answers of these calls or null;
   * isOff tells whether heads are off, and changes are then told from what is played.
   */
  show(position, state, { teacher, successors, other, isOff }) {
    const { states, played } = position.network;
    const probabilities = states[state].probabilities;
    const values = new Map((teacher?.moves ?? []).map((value) => [value.move, value]));
    const best = Math.max(...[...values.values()].map((value) => value.expected_score), 0);
    const after = new Map((successors?.moves ?? []).map((value) => [value.move, value]));
    const before = isOff ? played.probabilities : states[0].probabilities;
    byId("change-head").title = `change since ${isOff ? "what is played with all heads" : "state 0"}, in percentage points`;
    const top = Math.max(...probabilities);
    this.order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
    document.body.classList.toggle("with-teacher", values.size > 0);
    document.body.classList.toggle("with-values", after.size > 0);
    document.body.classList.toggle("with-other", Boolean(other));
    document.body.classList.toggle("with-many", [values.size, after.size, other].filter(Boolean).length > 1);
    byId("other-text").textContent = other ? compared(position, other) : "";
    this.rows.replaceChildren(...this.order.map((index, rank) => {
      const move = position.moves[index];
      const change = 100 * (probabilities[index] - before[index]);
      const bar = h("span", { class: "bar" });
      bar.style.width = `${(100 * probabilities[index]) / top}%`;
      const isPlayed = move.uci === played.move;
      const play = h("button", { onclick: () => this.onMove(move.uci), "aria-label": `play ${move.san}` }, move.san);
      const row = h("tr", { class: isPlayed ? "played" : "", "data-move": move.uci },
        h("td", { class: "number faint" }, rank + 1), h("th", { scope: "row" }, play), h("td", { class: "bar-cell" }, bar),
        h("td", { class: "number share" }, percent(probabilities[index])),
        h("td", { class: "number faint" }, signed(change, 1)),
        otherCell(other, index), valueCell(after.get(move.uci)), verdictCell(values.get(move.uci), best));
      for (const name of ["mouseenter", "focusin"]) row.addEventListener(name, () => this.onPoint(index));
      for (const name of ["mouseleave", "focusout"]) row.addEventListener(name, () => this.onPoint(null));
      return row;
    }));
    byId("teacher-text").textContent = teacher ? comparison(position, teacher, values, best) : "";
  }

  clear() {
    this.rows.replaceChildren();
    for (const id of ["teacher-text", "other-text"]) byId(id).textContent = "";
  }
}

/** Returns the arrows of a state: the best moves of the policy, the teacher's best, a move that is pointed at. */
export function arrowsOf(position, state, teacher, pointed) {
  const { probabilities } = position.network.states[state];
  const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
  const arrow = (uci, weight, kind) => ({ from: uci.slice(0, 2), to: uci.slice(2, 4), weight, kind });
  const weight = (index) => probabilities[index] / probabilities[order[0]];
  const arrows = order.slice(0, ARROWS).filter((index) => weight(index) >= LEAST).reverse()
    .map((index) => arrow(position.moves[index].uci, weight(index), "policy"));
  if (teacher?.moves.length) arrows.push(arrow(teacher.moves[0].move, 0.5, "teacher"));
  if (pointed !== null) arrows.push(arrow(position.moves[pointed].uci, 0.8, "pointed"));
  return arrows;
}

function otherCell(other, index) {
  return h("td", { class: "number other" }, other ? percent(other.probabilities[index]) : "");
}

function valueCell(value) {
  if (!value) return h("td", { class: "number value" });
  const [win, draw, loss] = value.wdl.map((share) => percent(share, 0));
  return h("td", { class: "number value", title: `after it: win ${win}, draw ${draw}, loss ${loss}, by the ${value.by}` }, signed(value.value, 2));
}

function compared(position, other) {
  const best = other.probabilities.indexOf(Math.max(...other.probabilities));
  const name = `${other.name} ${other.sha256.slice(0, 8)}`;
  return `${name}: prefers ${position.moves[best].san}, value ${signed(other.value_to_move, 3)}, ${stepsText(other.steps)}.`;
}

function verdictCell(value, best) {
  if (!value) return h("td", { class: "number teacher" });
  const text = value.mate !== null ? `#${value.mate}` : (value.score_cp / 100).toFixed(2);
  const loss = best - value.expected_score;
  const kind = loss < 0.02 ? "good" : loss < 0.1 ? "fair" : "bad";
  return h("td", { class: `number teacher ${kind}`, title: `loses ${loss.toFixed(3)} expected points` }, text);
}

function comparison(position, teacher, values, best) {
  const san = (uci) => position.moves.find((move) => move.uci === uci)?.san ?? uci;
  const mine = values.get(position.network.played.move);
  const loss = mine ? `; ${san(mine.move)} gives away ${(best - mine.expected_score).toFixed(3)} expected points` : "";
  const [first] = teacher.moves;
  return first ? `${teacher.name}, depth ${first.depth}: best ${san(first.move)}${loss}.` : `${teacher.name} said nothing.`;
}
