/** The keys of the page; those of the board are the board's own. */

import { byId, h } from "./dom.js";

const HELP = [
  ["← →", "back and forward in the game"], ["Home End", "start and end of the game"],
  ["[ ]", "earlier and later state of the recursion"], ["p", "replay the recursion"],
  ["h H", "next and previous head"], ["b", "next block"], ["t", "attention to the square or from it"],
  ["x", "switch the chosen head off or on"], ["g", "all attention as a grid"], ["w", "what each piece is worth"],
  ["a", "arrows"], ["v", "value after each move"], ["c o", "compare with a teacher, with another network"],
  ["e", "the engine moves"], ["f", "flip the board"], ["n", "new game"],
  ["m", "type a move"], ["?", "this list"],
  ["on the board", "arrows move the cursor, Enter picks up and puts down, Space shows attention, Esc lets go"],
];

/** Lets keys call actions, unless a person is typing, choosing, or moving on the board. */
export function listenToKeys(actions) {
  byId("key-list").replaceChildren(...HELP.map(([key, text]) => h("div", {}, h("dt", {}, key), h("dd", {}, text))));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog[open]")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
