/** A unit's text with light on its words; hovering works in both directions. */

import { h, setVars } from "../dom.js";

/**
 * @typedef {import("../model.js").Model} Model
 * @typedef {import("../model.js").Light} Light
 */

/** How long a text is drawn piece by piece; beyond, only what is lit at first gets pieces of its own. */
const MOST_PIECES = 6000;

export class TextMap {
  /** @param {Model} model @param {{onplace: (spot: number, piece: HTMLElement | null) => void, onseek?: (seconds: number) => void}} given */
  constructor(model, given) {
    this._model = model;
    /** @type {{element: HTMLElement, spots: number[]}[]} */
    this._pieces = [];
    this.element = h(
      "div",
      {
        class: "unit-text",
        tabindex: "0",
        role: "group",
        "aria-label": "Text of this unit",
        dir: "auto",
      },
      this._cut(),
    );
    this.element.addEventListener("pointerover", (event) => this._over(event, given.onplace));
    this.element.addEventListener("pointerleave", () => given.onplace(-1, null));
    if (given.onseek)
      this.element.addEventListener("click", (event) =>
        this._seek(event, /** @type {any} */ (given.onseek)),
      );
  }

  /** @returns {(HTMLElement | string)[]} the text, cut at every beginning and end of a spot */
  _cut() {
    const { text, spots } = this._model;
    const shown = spots
      .map((spot, number) => ({ number, span: spot.span }))
      .filter(({ span }) => span && span[0] >= 0 && span[1] <= text.length);
    const wanted =
      shown.length > MOST_PIECES
        ? shown.filter(({ number }) => this._model.whole.light[number] > 0)
        : shown;
    /** @type {Map<number, number[]>} */
    const from = new Map();
    const edges = new Set([0, text.length]);
    for (const { number, span } of wanted) {
      const [start, end] = /** @type {number[]} */ (span);
      edges.add(start).add(end);
      from.set(start, [...(from.get(start) ?? []), number]);
    }
    return this._pieceList(
      [...edges].sort((a, b) => a - b),
      from,
    );
  }

  /** @param {number[]} edges @param {Map<number, number[]>} from spots by where they begin */
  _pieceList(edges, from) {
    const { text, spots } = this._model;
    const made = [];
    /** @type {number[]} */
    let open = [];
    for (let i = 0; i + 1 < edges.length; i++) {
      const [start, end] = [edges[i], edges[i + 1]];
      open = [...open, ...(from.get(start) ?? [])].filter(
        (spot) => /** @type {number[]} */ (spots[spot].span)[1] > start,
      );
      const piece = text.slice(start, end);
      made.push(open.length ? this._piece(piece, open) : piece);
    }
    return made;
  }

  /** @param {string} text @param {number[]} spots */
  _piece(text, spots) {
    const element = h("span", { class: "piece", "data-piece": this._pieces.length }, text);
    this._pieces.push({ element, spots });
    return element;
  }

  /** @param {Light} light @param {{threshold: number}} view */
  show(light, view) {
    const outlined = new Set(this._model.outlined(light));
    for (const { element, spots } of this._pieces) {
      const share = light.peak
        ? Math.max(...spots.map((spot) => light.light[spot])) / light.peak
        : 0;
      const level = share >= view.threshold && share > 0.01 ? share : 0;
      if (element.dataset.light !== String(level)) {
        element.dataset.light = String(level);
        setVars(element, { "--light": level });
        element.classList.toggle("is-lit", level > 0);
      }
      element.classList.toggle(
        "is-won",
        spots.some((spot) => outlined.has(spot)),
      );
    }
  }

  /** @param {number} spot */
  point(spot) {
    for (const { element, spots } of this._pieces)
      element.classList.toggle("is-pointed", spots.includes(spot));
  }

  /** @param {number} seconds which word is being said */
  said(seconds) {
    for (const { element, spots } of this._pieces) {
      element.classList.toggle(
        "is-said",
        spots.some((spot) => within(this._model.spots[spot].time, seconds)),
      );
    }
  }

  /** @param {Event} event */
  _pieceOf(event) {
    const element = /** @type {HTMLElement | null} */ (
      /** @type {HTMLElement} */ (event.target).closest(".piece")
    );
    return element ? this._pieces[Number(element.dataset.piece)] : null;
  }

  /** @param {Event} event @param {(spot: number, piece: HTMLElement | null) => void} told */
  _over(event, told) {
    const piece = this._pieceOf(event);
    if (piece) told(piece.spots[0], piece.element);
    else told(-1, null);
  }

  /** @param {Event} event @param {(seconds: number) => void} seek */
  _seek(event, seek) {
    const piece = this._pieceOf(event);
    const time = piece && this._model.spots[piece.spots[0]].time;
    if (time) seek(time[0]);
  }
}

/** @param {number[] | null} time @param {number} seconds */
function within(time, seconds) {
  return Boolean(time && seconds >= time[0] && seconds < time[1]);
}
