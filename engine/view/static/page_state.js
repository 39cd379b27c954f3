/** What is shown, kept in the address: every state has a URL, and a URL makes its state. */

export const START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/** null stands for the default: the played state, the last block, the mean of the heads, the best move's start. */
const FRESH = {
  fen: START, moves: [], ply: 0, state: null, block: null, head: null, square: null,
  to: false, flip: false, engine: "", teacher: false,
};

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
    head: number(given.get("head")),
    square: /^[a-h][1-8]$/.test(square ?? "") ? square : null,
    to: given.get("to") === "1",
    flip: given.get("flip") === "1",
    engine: ["w", "b", "wb"].includes(engine) ? engine : "",
    teacher: given.get("teacher") === "1",
  };
}

/** Writes a state as the part of an address after #, defaults left out. */
export function formatState(state) {
  const parts = new URLSearchParams();
  for (const [name, fresh] of Object.entries(FRESH)) {
    const value = state[name];
    if (name === "ply" ? value === state.moves.length : value === fresh || (name === "moves" && !value.length)) continue;
    parts.set(name, name === "moves" ? value.join(",") : value === true ? "1" : value);
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
}
