/** The board: shows a position, takes legal moves by pointer, and squares and moves by keyboard. */

import { BORDER_TYPE, Chessboard, COLOR, INPUT_EVENT_TYPE, POINTER_EVENTS } from "./cm-chessboard/src/Chessboard.js";
import { PromotionDialog, PROMOTION_DIALOG_RESULT_TYPE } from "./cm-chessboard/src/extensions/promotion-dialog/PromotionDialog.js";
import { byId } from "./dom.js";
import { Overlay } from "./overlay.js";

const NAMES = { p: "pawn", n: "knight", b: "bishop", r: "rook", q: "queen", k: "king" };
const STEPS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const TILE = 45;

export class Board {
  /** onMove takes a legal move in UCI text, onSquare a square such as "e4". */
  constructor(element, { onMove, onSquare }) {
    Object.assign(this, { element, onMove, onSquare, legal: [], cursor: null, picked: null });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.chessboard = new Chessboard(element, {
      // Coordinates beside the squares: on them, pieces and heat would hide them.
      style: {
        pieces: { file: "/pieces.svg", tileSize: TILE }, cssClass: "see", animationDuration: still ? 0 : 180,
        borderType: BORDER_TYPE.frame,
      },
      extensions: [{ class: Overlay }, { class: PromotionDialog, props: { language: "en" } }],
    });
    this.overlay = this.chessboard.overlay;
    this.chessboard.enableMoveInput((event) => this.input(event));
    this.chessboard.enableSquareSelect(POINTER_EVENTS.pointerdown, ({ square }) => {
      if (square && !this.chessboard.isPromotionDialogShown()) this.onSquare(square);
    });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("blur", () => this.point(null));
  }

  /** Shows a position as the server describes it. */
  async show(position, flip) {
    const orientation = flip ? COLOR.black : COLOR.white;
    this.legal = position.over ? [] : position.moves.map((move) => move.uci);
    this.pick(null);
    this.overlay.set({ last: position.last_move });
    if (this.chessboard.getOrientation() !== orientation) await this.chessboard.setOrientation(orientation);
    await this.chessboard.setPosition(position.fen, true);
  }

  input(event) {
    if (event.type === INPUT_EVENT_TYPE.moveInputStarted) {
      const targets = this.targets(event.squareFrom);
      this.overlay.set({ dots: targets });
      return targets.length > 0;
    }
    if (event.type === INPUT_EVENT_TYPE.validateMoveInput) return this.make(event.squareFrom, event.squareTo);
    if (event.type === INPUT_EVENT_TYPE.moveInputCanceled) this.overlay.set({ dots: [] });
    return true;
  }

  targets(from) {
    return [...new Set(this.legal.filter((move) => move.startsWith(from)).map((move) => move.slice(2, 4)))];
  }

  /** Makes the move if it is legal, asking for the promotion; returns whether it is. */
  make(from, to) {
    const moves = this.legal.filter((move) => move.startsWith(from + to));
    this.overlay.set({ dots: [] });
    if (!moves.length) return false;
    if (moves.length === 1) {
      this.onMove(moves[0]);
      return true;
    }
    const before = this.chessboard.getPosition();
    const color = to[1] === "8" ? COLOR.white : COLOR.black;
    this.chessboard.showPromotionDialog(to, color, (result) => {
      if (result.type === PROMOTION_DIALOG_RESULT_TYPE.pieceSelected) this.onMove(from + to + result.piece[1]);
      else this.chessboard.setPosition(before, true);
    });
    return true;
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const flipped = this.chessboard.getOrientation() === COLOR.black;
    if (STEPS[event.key]) {
      const [files, ranks] = STEPS[event.key].map((step) => (flipped ? -step : step));
      const [file, rank] = this.cursor ? [this.cursor.charCodeAt(0) - 97, Number(this.cursor[1]) - 1] : [4 - files, 3 - ranks];
      const clamp = (value) => Math.min(7, Math.max(0, value));
      this.point(String.fromCharCode(97 + clamp(file + files)) + (clamp(rank + ranks) + 1));
    } else if (event.key === "Enter" && this.cursor) {
      if (this.picked && this.make(this.picked, this.cursor)) this.pick(null);
      else this.pick(this.targets(this.cursor).length ? this.cursor : null);
    } else if (event.key === " " && this.cursor) {
      this.onSquare(this.cursor);
    } else if (event.key === "Escape") {
      this.pick(null);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  pick(square) {
    this.picked = square;
    this.overlay.set({ dots: square ? this.targets(square) : [] });
  }

  /** Moves the keyboard's cursor and says what stands there. */
  point(square) {
    this.cursor = square;
    this.overlay.set({ cursor: square });
    const piece = square && this.chessboard.getPiece(square);
    const text = piece ? `${piece[0] === "w" ? "white" : "black"} ${NAMES[piece[1]]}` : "empty";
    byId("cursor-text").textContent = square ? `${square}, ${text}` : "";
  }
}
