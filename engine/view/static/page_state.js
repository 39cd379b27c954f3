/** Keeps the state of the page in its address: every state has a URL, and a URL restores its state. */

export const START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/** null stands for the default: the played state, the last block, the mean of the heads, the best move's start. */
const FRESH = {
  fen: START, moves: [], ply: 0, state: null, block: null, head: null, square: null,
  to: false, flip: false, engine: "", teacher: false, values: false, other: false, worth: false, matrix: false,
  arrows: true, off: [],
};
const FLAGS = ["to", "flip", "teacher", "values", "other", "worth", "matrix"];

const number = (text) => (/^\d{1,4}$/.test(text ?? "") ? Number(text) : null);

/** Reads the part of an address after #; what cannot be read takes its default. */
export function parseState(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const moves = (given.get("moves") ?? "").split(",").filter((move) => /^[a-h][1-8][a-h][1-8][qrbn]?$/.test(move));
  const square = given.get("square");
  const engine = given.get("engine");
  return {
    fen: given.get("fen") || START,
    moves,
    ply: Math.min(number(given.get("ply")) ?? moves.length, moves.length),
    state: number(given.get("state")),
    block: number(given.get("block")),
    head: given.get("head") === "rollout" ? "rollout" : number(given.get("head")),
    square: /^[a-h][1-8]$/.test(square ?? "") ? square : null,
    engine: ["w", "b", "wb"].includes(engine) ? engine : "",
    arrows: given.get("arrows") !== "0",
    off: (given.get("off") ?? "").split(",").filter((pair) => /^\d{1,3}\.\d{1,3}$/.test(pair)),
    ...Object.fromEntries(FLAGS.map((name) => [name, given.get(name) === "1"])),
  };
}

/** Writes a state as the part of an address after #, defaults left out. */
export function formatState(state) {
  const parts = new URLSearchParams();
  for (const [name, fresh] of Object.entries(FRESH)) {
    const value = state[name];
    const isList = Array.isArray(fresh);
    if (name === "ply" ? value === state.moves.length : value === fresh || (isList && !value.length)) continue;
    parts.set(name, isList ? value.join(",") : typeof value === "boolean" ? Number(value) : value);
  }
  // Slashes and commas are legal after # and far easier to read.
  return parts.toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
}

export class PageState {
  constructor(onChange) {
    this.onChange = onChange;
    this.values = parseState(location.hash);
    addEventListener("hashchange", () => {
      this.values = parseState(location.hash);
      this.onChange();
    });
  }

  /** Changes some values, writes the address and shows the result. */
  set(changes) {
    this.values = { ...this.values, ...changes };
    const hash = formatState(this.values);
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
    this.onChange();
  }

  /** The position as the server takes it. */
  get position() {
    return { fen: this.values.fen, moves: this.values.moves.slice(0, this.values.ply) };
  }

  get key() {
    return JSON.stringify(this.position);
  }

  /** The heads that are switched off, as the server takes them; nothing where there are none. */
  get off() {
    return this.values.off.length ? { off: this.values.off.map((pair) => pair.split(".").map(Number)) } : {};
  }
}
