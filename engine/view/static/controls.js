/** Buttons, fields and keys, and the actions they call. */

import { byId } from "./dom.js";
import { listenToKeys } from "./keys.js";

/** Connects every control of the page; actions are the functions of view.js by name. */
export function wireControls(actions) {
  const click = (id, action) => byId(id).addEventListener("click", () => {
    Promise.resolve(action()).catch(actions.report);
  });
  click("new-game", actions.newGame);
  click("flip", actions.flip);
  click("first", () => actions.go(0));
  click("back", () => actions.go(actions.ply() - 1));
  click("forward", () => actions.go(actions.ply() + 1));
  click("last", () => actions.go(actions.last()));
  click("engine-move", actions.engineMove);
  click("copy-link", actions.copyLink);
  click("copy-fen", actions.copyFen);
  click("export-json", actions.exportJson);
  click("head-off", actions.toggleHead);
  click("export-svg", actions.exportSvg);
  click("export-png", actions.exportPng);
  click("open-keys", () => byId("keys").showModal());
  click("open-load", () => byId("load").showModal());
  byId("load-do").addEventListener("click", (event) => {
    event.preventDefault();
    const refuse = (error) => { byId("load-error").textContent = error.message; };
    actions.load(byId("load-text").value).then(() => byId("load").close(), refuse);
  });
  byId("load").addEventListener("close", () => { byId("load-error").textContent = ""; });
  byId("engine").addEventListener("change", (event) => actions.engine(event.target.value));
  byId("direction").addEventListener("change", (event) => actions.direction(event.target.checked));
  for (const name of actions.switches) byId(name).addEventListener("change", (event) => actions.setSwitch(name, event.target.checked));
  byId("load-file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) byId("load-text").value = await file.text();
  });
  byId("move-form").addEventListener("submit", (event) => {
    event.preventDefault();
    actions.typed(byId("move").value.trim());
    byId("move").value = "";
  });
  wireKeys(actions);
}

function wireKeys(actions) {
  listenToKeys({
    ArrowLeft: () => actions.go(actions.ply() - 1),
    ArrowRight: () => actions.go(actions.ply() + 1),
    Home: () => actions.go(0),
    End: () => actions.go(actions.last()),
    "[": () => actions.step(-1),
    "]": () => actions.step(1),
    p: actions.replay,
    h: () => actions.nextHead(1),
    H: () => actions.nextHead(-1),
    b: actions.nextBlock,
    t: actions.turn,
    f: actions.flip,
    e: actions.engineMove,
    n: actions.newGame,
    m: () => byId("move").focus(),
    x: actions.toggleHead,
    a: () => byId("arrows").click(),
    v: () => byId("values").click(),
    w: () => byId("worth").click(),
    g: () => byId("matrix").click(),
    c: () => byId("teacher-label").hidden || byId("teacher").click(),
    o: () => byId("other-label").hidden || byId("other").click(),
    "?": () => byId("keys").showModal(),
  });
}
