/** The page: what is shown follows from the state in the address and from the server's answers. */

import { call, info, remembered } from "./api.js";
import { AttentionPanel } from "./attention_panel.js";
import { Board } from "./board.js";
import { Course } from "./course.js";
import { wireControls } from "./controls.js";
import { byId, stepsText } from "./dom.js";
import { saveJson, savePng, saveSvg } from "./files.js";
import { PageState, START } from "./page_state.js";
import { arrowsOf, PolicyPanel } from "./policy_panel.js";
import { RecursionPanel, showOver } from "./recursion_panel.js";
import { heatOfWorth, sentenceOfWorth } from "./worth.js";

const SWITCHES = ["teacher", "values", "other", "worth", "matrix", "arrows"];
const REPLY_DELAY_MS = 350; // before the engine moves, so that its thought can be seen

const state = new PageState(refresh);
const board = new Board(byId("board"), { onMove: makeMove, onSquare: (square) => state.set({ square }) });
const recursion = new RecursionPanel((index) => state.set({ state: index }));
const policy = new PolicyPanel(makeMove, (index) => { pointed = index; drawBoard(); });
const heads = new AttentionPanel((block, head) => state.set({ block, head }), (square) => state.set({ square }));
const course = new Course((ply) => state.set({ ply }));
const positionOf = remembered(64, (body) => call("position", body));
const attentionOf = remembered(64, (body) => call("attention", body));
// Calls made only on demand: name of the switch → call, and the place of its answer in `shown`.
const EXTRAS = Object.entries({ teacher: "teacher", values: "successors", other: "other", worth: "worth" }).map(
  ([name, path]) => ({ name, path, ask: remembered(64, (body) => call(path, body)) }));
const NO_EXTRAS = Object.fromEntries(EXTRAS.map(({ path }) => [path, null]));

let shown = null; // {key, position, attention, index, square, and an answer or null for every extra}
let pointed = null; // index of the move that is pointed at in the table
let heat = new Map();
let lastState = Infinity; // of the recursion; the server says which
let maxSteps = 0; // of the solver in play
let reply = 0;
let went = performance.now();

function say(text, isError = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("error", isError);
}

const san = (position, uci) => position.moves.find((move) => move.uci === uci)?.san;

/** Makes a legal move in the position that is shown; a game that went on from here is left. */
function makeMove(uci) {
  const { values } = state;
  const text = shown && shown.key === state.key && !shown.position.over && san(shown.position, uci);
  if (!text) return;
  went = performance.now();
  const moves = [...values.moves.slice(0, values.ply), uci];
  const kept = { ...values, moves: moves.slice(0, -1) };
  if (kept.moves.length < values.moves.length) course.cut(kept);
  course.append(kept, text, { ...kept, moves });
  state.set({ moves, ply: moves.length, state: null, square: null });
}

async function refresh() {
  clearTimeout(reply);
  const { key, position: body, values } = state;
  const waiting = setTimeout(() => say("computing …"), 800);
  try {
    const isNew = shown?.key !== key;
    const wanted = { ...body, ...(values.state === null ? {} : { state: Math.min(values.state, lastState) }) };
    const { off } = state;
    const offKey = `${key}${values.off}`;
    const asked = positionOf(offKey, { ...body, ...off });
    const looked = attentionOf(`${offKey} ${values.state}`, { ...wanted, ...off });
    const [position, attention] = await Promise.all([asked, looked]);
    clearTimeout(waiting);
    if (offKey !== `${state.key}${state.values.off}`) return;
    shown = { ...(isNew ? NO_EXTRAS : shown), key, position, attention };
    if (isNew) {
      pointed = null;
      recursion.stop();
      course.note(values, position);
    }
    board.show(position, state.values.flip);
    drawAll();
    finish(isNew);
    await course.load(state.values);
    course.show(state.values);
    if (course.isHard(values.ply) && key === state.key) drawAll();
    await Promise.all(EXTRAS.filter(({ name }) => state.values[name]).map((extra) => loadExtra(extra, key, body)));
  } catch (error) {
    clearTimeout(waiting);
    say(error.message, true);
  }
}

/** Notes how long the answer took to be drawn, and lets the engine reply. */
function finish(isNew) {
  requestAnimationFrame(() => {
    if (isNew) performance.measure("go-to-panel", { start: went, end: performance.now() });
  });
  const { position } = shown;
  const { engine, ply, moves } = state.values;
  if (position.over) say(`${position.over.result}: ${position.over.reason}`);
  else if (state.values.off.length) say(`${state.values.off.length} attention head(s) off: what is shown is not what is played`);
  else say(position.is_check ? "check" : "");
  const isTurn = !position.over && ply === moves.length && engine.includes(position.turn[0]);
  if (isTurn) reply = setTimeout(engineMove, REPLY_DELAY_MS);
}

function drawAll() {
  const { position, attention } = shown;
  const { values } = state;
  byId("fen").textContent = position.fen;
  byId("engine").value = values.engine;
  byId("direction").checked = values.to;
  for (const name of SWITCHES) byId(name).checked = values[name];
  document.body.classList.toggle("is-over", !position.network);
  for (const id of ["first", "back"]) byId(id).disabled = values.ply === 0;
  for (const id of ["forward", "last"]) byId(id).disabled = values.ply >= values.moves.length;
  byId("engine-move").disabled = Boolean(position.over);
  if (!position.network) {
    showOver(position);
    policy.clear();
    board.overlay.set({ heat: new Map(), arrows: [], chosen: null });
    return;
  }
  const { states, played } = position.network;
  shown.index = Math.min(values.state ?? played.state, states.length - 1);
  shown.square = values.square ?? played.move.slice(0, 2);
  recursion.show(position, shown.index, { isHard: course.isHard(values.ply), maxSteps });
  policy.show(position, shown.index, { ...shown, isOff: values.off.length > 0 });
  heat = attention ? heads.show(attention, { ...values, square: shown.square }) : new Map();
  byId("worth-text").textContent = shown.worth ? sentenceOfWorth(shown.worth) : "";
  if (shown.worth) heat = heatOfWorth(shown.worth);
  drawBoard();
}

function drawBoard() {
  if (!shown?.position.network) return;
  const arrows = state.values.arrows ? arrowsOf(shown.position, shown.index, shown.teacher, pointed) : [];
  board.overlay.set({ heat, chosen: shown.square, arrows });
}

async function loadExtra({ name, path, ask }, key, body) {
  if (!shown.position.network) return;
  const answer = await ask(key, body);
  if (key !== state.key || !state.values[name] || shown[path] === answer) return;
  shown[path] = answer;
  drawAll();
}

function setSwitch(name, isOn) {
  const extra = EXTRAS.find((one) => one.name === name);
  if (extra && shown && !isOn) shown[extra.path] = null;
  state.set({ [name]: isOn });
}

/** Switches the chosen head off or on; the mean and the rollout are no heads. */
function toggleHead() {
  const { values } = state;
  const blocks = shown?.attention?.weights;
  if (!blocks || typeof values.head !== "number") {
    say("expected a chosen head to switch off, got the mean", true);
    return;
  }
  const block = Math.min(values.block ?? blocks.length - 1, blocks.length - 1);
  const pair = `${block}.${Math.min(values.head, blocks[block].length - 1)}`;
  state.set({ off: values.off.includes(pair) ? values.off.filter((other) => other !== pair) : [...values.off, pair] });
}

const engineMove = () => shown?.position.network && makeMove(shown.position.network.played.move);
const go = (ply) => {
  went = performance.now();
  state.set({ ply: Math.min(Math.max(ply, 0), state.values.moves.length), square: null });
};
const step = (count) => {
  recursion.stop();
  const last = shown?.position.network ? shown.position.network.states.length - 1 : 0;
  state.set({ state: Math.min(Math.max((shown?.index ?? 0) + count, 0), last) });
};

function nextHead(count) {
  const choices = [null, ...Array(shown?.attention?.weights[0].length ?? 0).keys(), "rollout"];
  const at = choices.indexOf(state.values.head);
  state.set({ head: choices[(at + count + choices.length) % choices.length] });
}

function nextBlock() {
  const total = shown?.attention?.weights.length ?? 1;
  state.set({ block: ((state.values.block ?? total - 1) + 1) % total });
}

const fresh = { ply: 0, moves: [], state: null, square: null };
const newGame = () => state.set({ ...fresh, fen: START });

async function load(text) {
  const fen = text.trim();
  if (/^[pnbrqk1-8/]+( |$)/i.test(fen) && fen.split("/").length === 8) {
    const position = await call("position", { fen });
    state.set({ ...fresh, fen: position.fen });
  } else {
    const game = await call("game", { pgn: text });
    state.set({ ...fresh, fen: game.fen, moves: game.moves, engine: "" });
  }
}

/** Makes the move that a text such as Nf3, e8=Q or e2e4 means. */
function typed(text) {
  const plain = (name) => name.replace(/[+#=x\s-]/g, "").replaceAll("0", "O");
  const wanted = plain(text);
  const moves = shown?.position.moves ?? [];
  const found = moves.filter((move) => move.uci === wanted.toLowerCase() || plain(move.san) === wanted);
  if (found.length === 1) makeMove(found[0].uci);
  else say(`expected a legal move, got ${text}`, true);
}

function picture() {
  const { block, head, to, flip } = state.values;
  if (!shown?.position.network) throw new Error("expected a position with a legal move, got the end of the game");
  const chosen = { state: shown.index, square: shown.square, to_square: to, orientation: flip ? "black" : "white" };
  const chosenHead = typeof head === "number" ? { head } : {};
  return { ...state.position, ...state.off, ...chosen, ...(block === null ? {} : { block }), ...chosenHead };
}

const report = (error) => say(error.message, true);

wireControls({
  newGame, load, typed, engineMove, go, step, nextHead, nextBlock, report,
  flip: () => state.set({ flip: !state.values.flip }),
  turn: () => state.set({ to: !state.values.to }),
  ply: () => state.values.ply,
  last: () => state.values.moves.length,
  replay: () => recursion.replay(),
  copyLink: () => navigator.clipboard.writeText(location.href).then(() => say("link copied")),
  copyFen: () => navigator.clipboard.writeText(byId("fen").textContent).then(() => say("FEN copied")),
  exportSvg: async () => saveSvg(picture()),
  exportPng: async () => savePng(picture()),
  exportJson: async () => saveJson(picture()),
  engine: (colors) => state.set({ engine: colors }),
  direction: (to) => state.set({ to }),
  switches: SWITCHES, setSwitch, toggleHead,
});

async function start() {
  const facts = await info();
  const { name, arithmetic, sha256, solver, max_steps: steps } = facts.network;
  byId("network").textContent = `network ${name} ${sha256.slice(0, 8)}, ${arithmetic}, ${solver}, ${steps === 1 ? "" : "at most "}${stepsText(steps)}`;
  byId("teacher-label").hidden = !facts.teacher;
  byId("other-label").hidden = !facts.other;
  maxSteps = steps;
  lastState = facts.states - 1;
  await refresh();
}

start().catch(report);
