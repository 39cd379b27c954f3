/** Asks for the newest figures every few seconds and draws what changed. */

const EVERY_MS = 3000;
const byId = (id) => document.getElementById(id);
let seen = "";

function cells(kind, first, texts) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = first;
  row.append(head, ...texts.map((text) => Object.assign(document.createElement(kind), { textContent: text })));
  return row;
}

function draw({ runs, figures }) {
  byId("names").replaceChildren(...cells("th", "run", runs.map((run) => run.name)).children);
  const progress = cells("td", "progress", runs.map((run) => run.progress));
  byId("figures").replaceChildren(progress, ...figures.map((figure) => cells("td", figure.title, figure.values)));
  const steps = JSON.stringify([runs.map((run) => run.step), figures.map((figure) => figure.values)]);
  if (steps === seen) return;
  seen = steps;
  const column = parseFloat(getComputedStyle(byId("plots")).gridTemplateColumns);
  const width = Math.round(Math.min(Math.max(column - 18, 240), 2000)) || 480; // padding and border of the picture
  const old = new Map([...byId("plots").children].map((image) => [image.dataset.figure, image]));
  byId("plots").replaceChildren(...figures.map((figure) => {
    const image = old.get(figure.name) ?? Object.assign(document.createElement("img"), { alt: `${figure.title} by steps` });
    image.dataset.figure = figure.name;
    // Another address for other data, else the old picture would be shown again.
    image.src = `/plot.svg?${new URLSearchParams({ figure: figure.name, width, at: runs.map((run) => run.step).join("-") })}`;
    return image;
  }));
}

async function refresh() {
  try {
    const response = await fetch("/api/runs");
    const content = await response.json();
    if (!response.ok) throw new Error(content.error);
    draw(content);
    byId("message").textContent = "";
  } catch (error) {
    byId("message").textContent = `no figures: ${error.message}`;
  }
  setTimeout(refresh, EVERY_MS);
}

addEventListener("resize", () => { seen = ""; });
refresh();
