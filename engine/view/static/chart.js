/** Small line charts over the states of the recursion, or over the moves of a game. */

import { s } from "./dom.js";

const [WIDTH, LEAST_LEFT, RIGHT, TOP, BOTTOM] = [420, 40, 12, 22, 20];
const DIGIT_WIDTH = 6.8; // of the mean character of a number

/** Returns three to six round numbers from low to high. */
function ticks(low, high) {
  const raw = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).reduce((best, at) => (Math.abs(at - raw) < Math.abs(best - raw) ? at : best));
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9 * step; at += step) found.push(at);
  return found;
}

/** Returns 1, 2 and 5 times powers of ten from low to high, given as logarithms, or every third of them. */
function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    for (const factor of [1, 2, 5]) found.push(power + Math.log10(factor));
  }
  const inside = found.filter((at) => at >= low - 1e-9 && at <= high + 1e-9);
  return inside.length > 5 ? inside.filter((at) => Math.abs(at - Math.round(at)) < 1e-9) : inside;
}

/** Writes a number on an axis with the digits that tell it from the next one. */
export function axisNumber(value, step) {
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

/** Writes a share on an axis as a percentage. */
export function axisPercent(value, step) {
  return `${axisNumber(100 * value, 100 * step)}%`;
}

/** Moves labels apart so that none hides another; wanted is ascending. */
function apart(wanted, distance, lowest) {
  const places = [];
  for (const at of wanted) places.push(Math.max(at, (places.at(-1) ?? -Infinity) + distance));
  for (let place = places.length - 1, limit = lowest; place >= 0; place -= 1) {
    places[place] = Math.min(places[place], limit);
    limit = places[place] - distance;
  }
  return places;
}

/**
 * Returns a chart.
 *   lines    [{label, values, kind}]; a value may be null
 *   format   (value, step of the axis) => text on the axis
 *   range    [low, high], else that of the values
 *   current  the state that is shown; played: the one that is played
 *   isLog    logarithmic axis for positive values
 */
export function chart({ title, lines, format, range, current, played, isLog = false, height = 150, width = WIDTH }) {
  const scale = isLog ? (value) => Math.log10(Math.max(value, 1e-9)) : (value) => value;
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null).map(scale));
  let [low, high] = range ?? [Math.min(...values), Math.max(...values)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const shown = (isLog ? logTicks : ticks)(low, high);
  const step = (shown[1] ?? 2 * shown[0]) - shown[0];
  const texts = shown.map((tick) => format(isLog ? 10 ** tick : tick, step));
  const left = Math.max(LEAST_LEFT, 8 + DIGIT_WIDTH * Math.max(...texts.map((text) => text.length)));
  const labelled = lines.some((line) => line.label);
  const end = width - RIGHT - (labelled ? 46 : 0);
  const last = lines[0].values.length - 1;
  const x = (index) => left + ((end - left) * index) / Math.max(last, 1);
  const y = (value) => height - BOTTOM - ((scale(value) - low) / (high - low)) * (height - TOP - BOTTOM);
  const root = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "chart" });
  root.append(s("text", { x: 0, y: 12, class: "title" }, title));
  shown.forEach((tick, index) => {
    const at = height - BOTTOM - ((tick - low) / (high - low)) * (height - TOP - BOTTOM);
    root.append(s("line", { x1: left, x2: end, y1: at, y2: at, class: "grid" }));
    root.append(s("text", { x: left - 5, y: at + 4, class: "tick end" }, texts[index]));
  });
  root.append(s("line", { x1: x(played), x2: x(played), y1: TOP, y2: height - BOTTOM, class: "played" }));
  root.append(s("line", { x1: x(current), x2: x(current), y1: TOP, y2: height - BOTTOM, class: "current" }));
  for (let index = 0; index <= last; index += Math.ceil((last + 1) / 10)) {
    root.append(s("text", { x: x(index), y: height - 6, class: "tick middle" }, index));
  }
  for (const line of lines) {
    const points = line.values.flatMap((value, index) => (value === null ? [] : [`${x(index).toFixed(1)},${y(value).toFixed(1)}`]));
    root.append(s("polyline", { points: points.join(" "), class: `line ${line.kind}` }));
    if (line.values[current] !== null) {
      root.append(s("circle", { cx: x(current), cy: y(line.values[current]), r: 3.5, class: `point ${line.kind}` }));
    }
  }
  const ends = lines.map((line) => ({ ...line, at: y(line.values[last]) })).sort((a, b) => a.at - b.at);
  apart(ends.map((line) => line.at), 13, height - BOTTOM).forEach((at, index) => {
    root.append(s("text", { x: end + 6, y: at + 4, class: `label ${ends[index].kind}` }, ends[index].label ?? ""));
  });
  return root;
}
