/** Heat, arrows, dots and marks on the board. */

import { Extension, EXTENSION_POINT } from "./cm-chessboard/src/model/Extension.js";
import { s } from "./dom.js";

export class Overlay extends Extension {
  constructor(chessboard) {
    super(chessboard);
    const view = chessboard.view;
    this.below = s("g", { class: "overlay-below" });
    this.above = s("g", { class: "overlay-above" });
    view.markersLayer.append(this.below);
    view.markersTopLayer.append(this.above);
    this.marks = { heat: new Map(), arrows: [], dots: [], chosen: null, cursor: null, last: null };
    this.registerExtensionPoint(EXTENSION_POINT.afterRedrawBoard, () => this.draw());
    chessboard.overlay = this;
  }

  /** Changes some marks: heat {square: -1..1}, arrows [{from, to, weight, kind}], dots, chosen, cursor, last. */
  set(marks) {
    Object.assign(this.marks, marks);
    this.draw();
  }

  draw() {
    const { heat, arrows, dots, chosen, cursor, last } = this.marks;
    const below = [];
    for (const square of last ? [last.slice(0, 2), last.slice(2, 4)] : []) below.push(this.cell(square, "last-move", 1));
    for (const [square, weight] of heat) {
      if (Math.abs(weight) > 0.01) below.push(this.cell(square, weight < 0 ? "heat cold" : "heat", 0.85 * Math.abs(weight)));
    }
    for (const square of dots) below.push(this.dot(square));
    const above = arrows.map((arrow) => this.arrow(arrow));
    if (chosen) above.push(this.ring(chosen));
    if (cursor) above.push(this.cell(cursor, "cursor", 1));
    this.below.replaceChildren(...below);
    this.above.replaceChildren(...above);
  }

  cell(square, kind, opacity) {
    const { squareWidth: width, squareHeight: height } = this.chessboard.view;
    const { x, y } = this.chessboard.view.squareToPoint(square);
    return s("rect", { x, y, width, height, class: kind, opacity: opacity.toFixed(3), "data-heat": square });
  }

  centre(square) {
    const { x, y } = this.chessboard.view.squareToPoint(square);
    const size = this.chessboard.view.squareWidth;
    return [x + size / 2, y + size / 2, size];
  }

  dot(square) {
    const [cx, cy, size] = this.centre(square);
    return s("circle", { cx, cy, r: size * 0.15, class: "dot" });
  }

  ring(square) {
    const [cx, cy, size] = this.centre(square);
    return s("circle", { cx, cy, r: size * 0.46, class: "chosen" });
  }

  /** An arrow whose width and opacity grow with its weight in 0..1. */
  arrow({ from, to, weight, kind }) {
    const [x1, y1, size] = this.centre(from);
    const [x2, y2] = this.centre(to);
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const half = size * (0.045 + 0.055 * weight);
    const [head, wing] = [size * 0.34, half + size * 0.11];
    const at = (along, aside) => `${(x1 + ux * along - uy * aside).toFixed(1)},${(y1 + uy * along + ux * aside).toFixed(1)}`;
    const start = size * 0.12;
    const neck = length - head;
    const points = [at(start, half), at(neck, half), at(neck, wing), at(length, 0), at(neck, -wing), at(neck, -half), at(start, -half)];
    return s("polygon", { points: points.join(" "), class: `arrow ${kind}`, opacity: (0.25 + 0.6 * weight).toFixed(2) });
  }
}
