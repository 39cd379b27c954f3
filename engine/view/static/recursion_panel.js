/** The recursion, state by state: slider, numbers, result bar, and the curves of policy, value and residual. */

import { axisNumber, axisPercent, chart } from "./chart.js";
import { byId, h, percent, signed, stepsText } from "./dom.js";

const CURVES = 5;

export class RecursionPanel {
  /** onState takes the number of a state. */
  constructor(onState) {
    this.onState = onState;
    this.slider = byId("state");
    this.slider.addEventListener("input", () => onState(Number(this.slider.value)));
    byId("replay").addEventListener("click", () => this.replay());
  }

  /** Shows the states one after the other. */
  replay() {
    clearInterval(this.timer);
    let state = 0;
    this.onState(0);
    this.timer = setInterval(() => {
      state += 1;
      if (state > Number(this.slider.max)) clearInterval(this.timer);
      else this.onState(state);
    }, 450);
  }

  stop() {
    clearInterval(this.timer);
  }

  /** isHard tells whether the position stands out; maxSteps is the solver's limit. */
  show(position, state, { isHard, maxSteps }) {
    const { states, played } = position.network;
    this.slider.max = states.length - 1;
    this.slider.value = state;
    const remark = state === played.state ? "played" : state > played.state ? "further than it plays" : "on the way";
    byId("state-text").textContent = `state ${state} of ${states.length - 1}: ${remark}`;
    this.slider.setAttribute("aria-valuetext", byId("state-text").textContent);
    // A solver of few steps is meant to stop at its limit; that says nothing of the position.
    this.showFacts(position, states[state], isHard || (maxSteps > 3 && played.converged === false && played.steps >= maxSteps));
    byId("verdict").textContent = verdict(position, state);
    this.showCurves(position, state);
    showResult(position.turn, states[state].wdl_to_move);
  }

  showFacts(position, shown, isHard) {
    const { played } = position.network;
    const san = position.moves.find((move) => move.uci === played.move).san;
    const [first, second = 0] = [...shown.probabilities].sort((a, b) => b - a);
    const ending = { true: "the solver converged when playing", false: "the solver stopped at its limit when playing" }[played.converged]
      ?? "of the recursion when playing, always as many";
    const facts = [
      ["plays", san, "the move that the engine makes here"],
      ["value", signed(shown.value_to_move, 3), "win minus loss probability of the side to move"],
      ["entropy", shown.entropy_nats.toFixed(2), "of the policy, in nats"],
      ["choices", Math.exp(shown.entropy_nats).toFixed(1), "effective number of moves: as undecided as between so many equal ones"],
      ["margin", percent(first - second), "share of the first move minus that of the second"],
      ["residual", shown.residual === null ? "–" : shown.residual.toPrecision(3), "how far the last step moved the state, relative to its norm"],
      ["steps", `${played.steps}${isHard ? " ▲" : ""}`, `${ending}${isHard ? "; ▲ a hard position" : ""}`],
    ];
    byId("facts").replaceChildren(...facts.map(([name, value, title]) =>
      h("div", { title }, h("dt", {}, name), h("dd", { "data-fact": name, class: name === "steps" && isHard ? "hard" : "" }, String(value)))));
  }

  showCurves(position, current) {
    const { states, played } = position.network;
    const order = played.probabilities.map((_, index) => index).sort((a, b) => played.probabilities[b] - played.probabilities[a]);
    const place = { current, played: played.state };
    const policy = order.slice(0, CURVES).map((index, rank) => ({
      label: position.moves[index].san, values: states.map((state) => state.probabilities[index]), kind: `c${rank}`,
    }));
    const only = (name) => [{ values: states.map((state) => state[name]), kind: "c0" }];
    byId("policy-chart").replaceChildren(chart({ title: "policy", lines: policy, format: axisPercent, height: 190, ...place }));
    const half = { width: 210, height: 130, ...place };
    byId("value-chart").replaceChildren(chart({ title: "value for the mover", lines: only("value_to_move"), format: axisNumber, ...half }));
    byId("residual-chart").replaceChildren(
      chart({ title: "residual", lines: only("residual"), format: (v) => String(Number(v.toPrecision(2))), isLog: true, ...half }),
    );
  }
}

/** Says in a sentence what is shown, also for those who do not see it. */
function verdict(position, state) {
  const { states, played } = position.network;
  const { probabilities, wdl_to_move: wdl } = states[state];
  const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 3);
  const moves = order.map((index) => `${position.moves[index].san} ${percent(probabilities[index], 0)}`).join(", ");
  const [mover, other] = position.turn === "white" ? ["White", "Black"] : ["Black", "White"];
  const steps = stepsText(played.steps);
  const settled = { true: `settled in ${steps}`, false: `had not settled after ${steps}` }[played.converged] ?? `makes ${steps} to play`;
  return `${mover} to move. State ${state}: ${moves}; ${mover} wins ${percent(wdl[0], 0)}, draw ${percent(wdl[1], 0)}, `
    + `${other} wins ${percent(wdl[2], 0)}. The recursion ${settled}.`;
}

/** Shows a finished game: no state is left to look at. */
export function showOver(position) {
  byId("over-text").textContent =
    `The game is over: ${position.over.result}, ${position.over.reason}. Step back to see what the network thought.`;
  const win = { "1-0": [1, 0, 0], "0-1": [0, 0, 1] }[position.over.result] ?? [0, 1, 0];
  showResult("white", win);
}

/** Shows win, draw and loss as White's share on the left and Black's on the right. */
function showResult(turn, wdl) {
  const shares = turn === "white" ? wdl : [...wdl].reverse();
  const names = ["White", "draw", "Black"];
  const bar = byId("result-bar");
  bar.setAttribute("aria-label", names.map((name, index) => `${name} ${percent(shares[index], 0)}`).join(", "));
  bar.replaceChildren(...shares.map((share, index) => {
    const part = h("span", { class: names[index].toLowerCase() }, share > 0.19 ? `${names[index]} ${percent(share, 0)}` : "");
    part.style.flexGrow = share;
    return part;
  }));
}
