/** The course of a game: White's expected score move by move, and the positions that were hard for the solver. */

import { call } from "./api.js";
import { byId, h, s } from "./dom.js";

const [WIDTH, HEIGHT] = [560, 90];
const WDL_OF_RESULT = { "1-0": [1, 0, 0], "0-1": [0, 0, 1], "1/2-1/2": [0, 1, 0] };
const FEWEST = 8; // positions; in fewer no position stands out

/**
 * Returns the plies of the hard positions: the tenth of a game where the solver took most steps, then had the greatest
 * residual left, as far as that residual is a quarter above the game's median.
 */
export function hardPlies(positions) {
  const known = positions.map((position, ply) => ({ ply, ...position })).filter((position) => position.residual !== undefined);
  if (known.length < FEWEST) return new Set();
  const residuals = known.map((position) => position.residual).sort((a, b) => a - b);
  const median = residuals[Math.floor(residuals.length / 2)];
  known.sort((a, b) => b.steps - a.steps || b.residual - a.residual);
  return new Set(known.slice(0, Math.ceil(known.length / 10)).filter((position) => position.residual > 1.25 * median).map((position) => position.ply));
}

export class Course {
  /** onPly takes a number of moves. */
  constructor(onPly) {
    Object.assign(this, { onPly, key: null, sans: [], positions: [] });
  }

  /** Notes a move that is made at the end of a game that is known. */
  append(before, san, after) {
    if (this.key !== gameKey(before)) return;
    this.key = gameKey(after);
    this.sans.push(san);
    this.positions.push(null);
  }

  /** Forgets what comes after a ply, as when a game is left for another move. */
  cut(state) {
    this.key = gameKey(state);
    this.sans.length = Math.min(this.sans.length, state.moves.length);
    this.positions.length = Math.min(this.positions.length, state.moves.length + 1);
  }

  /** Forgets the game that is known when the state is of another one. */
  enter(state) {
    if (this.key === gameKey(state)) return;
    this.key = gameKey(state);
    [this.sans, this.positions] = [[], Array(state.moves.length + 1).fill(null)];
    this.isToBeLoaded = state.moves.length > 0;
  }

  /** Notes what the network says of the position that is shown. */
  note(state, position) {
    this.enter(state);
    this.positions[state.ply] ??= position.network
      ? { ...position.network.played, turn: position.turn }
      : { turn: "white", wdl_to_move: WDL_OF_RESULT[position.over.result] };
  }

  /** Asks the server about a game that is not known. */
  async load(state) {
    this.enter(state);
    const { key } = this;
    if (!this.isToBeLoaded) return;
    this.isToBeLoaded = false;
    const { sans, positions } = await call("course", { fen: state.fen, moves: state.moves });
    if (this.key !== key) return;
    const last = positions.length - 1;
    // Without a legal move there is nothing to evaluate, but a result.
    positions[last] ??= {
      turn: positions[last - 1].turn === "white" ? "black" : "white",
      wdl_to_move: sans[last - 1].endsWith("#") ? [0, 0, 1] : [0, 1, 0],
    };
    [this.sans, this.positions] = [sans, positions];
  }

  /** Returns whether a position stands out in its game. */
  isHard(ply) {
    return hardPlies(this.positions.map((position) => position ?? {})).has(ply);
  }

  show(state) {
    const hard = hardPlies(this.positions.map((position) => position ?? {}));
    byId("course").replaceChildren(...(state.moves.length ? [this.graph(state, hard)] : []));
    const [, turn, , , , number] = state.fen.split(" ");
    const offset = turn === "b" ? 1 : 0;
    const items = this.sans.map((san, index) => {
      const ply = index + 1;
      const count = Number(number ?? 1) + Math.floor((index + offset) / 2);
      const prefix = (index + offset) % 2 === 0 ? `${count}. ` : index === 0 ? `${count}… ` : "";
      const mark = hard.has(ply) ? h("abbr", { title: "hard for the solver" }, "▲") : "";
      const current = ply === state.ply ? "step" : null;
      return h("li", {}, prefix, h("button", { "aria-current": current, "data-ply": ply, onclick: () => this.onPly(ply) }, san), mark);
    });
    byId("moves").replaceChildren(...items);
    const current = byId("moves").querySelector("[aria-current]");
    if (current) byId("moves").scrollTop = current.offsetTop - byId("moves").offsetTop - 40;
  }

  graph(state, hard) {
    const last = state.moves.length;
    const x = (ply) => (WIDTH * ply) / last;
    const root = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "course", preserveAspectRatio: "none",
      "aria-label": "White's chances, move by move: win below, draw between, loss above; the line is the expected score, triangles mark hard positions" });
    const known = this.positions.flatMap((position, ply) => {
      if (!position) return [];
      const [win, draw] = position.turn === "white" ? position.wdl_to_move : [...position.wdl_to_move].reverse();
      return [{ x: x(ply), win, draw, score: win + 0.5 * draw }];
    });
    const edge = (share) => known.map((at) => `${at.x.toFixed(1)},${(HEIGHT * (1 - share(at))).toFixed(1)}`);
    const band = (kind, low, high) => s("polygon", { points: [...edge(low), ...edge(high).reverse()].join(" "), class: kind });
    if (known.length > 1) {
      root.append(band("white", () => 0, (at) => at.win), band("draw", (at) => at.win, (at) => at.win + at.draw),
        band("black", (at) => at.win + at.draw, () => 1), s("polyline", { points: edge((at) => at.score).join(" "), class: "score" }));
    }
    root.append(s("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2, class: "grid" }));
    for (const ply of hard) {
      const at = Math.min(Math.max(x(ply), 6), WIDTH - 6);
      root.append(s("path", { d: `M${at} 2 l5 9 h-10z`, class: "hard", "data-hard": ply }));
    }
    root.append(s("line", { x1: x(state.ply), x2: x(state.ply), y1: 0, y2: HEIGHT, class: "current" }));
    root.addEventListener("click", (event) => {
      const box = root.getBoundingClientRect();
      this.onPly(Math.round(((event.clientX - box.left) / box.width) * last));
    });
    return root;
  }
}

const gameKey = (state) => JSON.stringify([state.fen, state.moves]);
