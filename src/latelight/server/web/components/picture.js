/**
 * A page, picture, frame or spectrogram with light over it. Hovering tells which place is meant; dragging
 * marks a region.
 *
 * @typedef {import("../model.js").Model} Model
 * @typedef {import("../model.js").Light} Light
 * @typedef {{src: string, alt: string, onplace: (spot: number, at: {x: number, y: number}) => void, onregion: (box: number[]) => void}} Given
 */

import { h, replace, s, setVars } from "../dom.js";
import { loadImage } from "../images.js";
import { colourOf } from "../palette.js";

/** Space around a word's own box, in its height, and at least and at most in the page's. */
const MARGIN = 0.16;
const LEAST_MARGIN = 0.003;
const MOST_MARGIN = 0.008;
/** Places above this part of the page (a chart, no word) are lit along their edges, this wide in parts of the shorter side;
 * their middle stays readable with this share of the light. */
const LARGE = 0.03;
const EDGE = 0.008;
const MIDDLE = 0.3;
/** Small words get a thinner outline, further off in pixels: it must not cover them. */
const SMALL_PX = 18;
const LEAST_MARGIN_PX = 2.5;
/** Grounds darker than this (of 255) are no paper: there the rest is dimmed instead. */
const GREY_PAPER = 130;
const LEAST_DRAG = 0.01;
/** The middle of a spectrogram, where words are lit. */
const BAND = [0.25, 0.75];

export class Picture {
  /** @param {Model} model @param {Given} given */
  constructor(model, given) {
    this._model = model;
    this._given = given;
    /** Whether a finger marks a region instead of scrolling. */
    this.marking = false;
    /** @type {HTMLElement | null} */
    this._head = null;
    this._paper = true;
    this._light = model.whole;
    this._view = { opacity: 0.9, threshold: 0 };
    this._boxes = model.spots.map((spot) => this._boxOf(spot));
    this._canvas = h("canvas", { class: "map", "aria-hidden": "true" });
    this._outlines = s("svg", {
      class: "outlines",
      viewBox: "0 0 1 1",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    this._image = h("img", { class: "page", alt: given.alt, draggable: "false" });
    this._surface = h(
      "div",
      { class: "surface is-loading" },
      this._image,
      this._canvas,
      this._outlines,
    );
    this.element = h(
      "figure",
      {
        class: "picture",
        tabindex: "0",
        role: "group",
        "aria-label": `${given.alt}. Arrow keys step through the matching places.`,
      },
      this._surface,
    );
    this._listen();
    new ResizeObserver(() => this._draw()).observe(this._surface);
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    await loadImage(this._image, this._given.src, signal);
    this._paper = isPaper(this._image);
    this._surface.classList.remove("is-loading");
    this._surface.classList.toggle("is-dark", !this._paper);
    this._draw();
  }

  /** @param {Light} light @param {{opacity: number, threshold: number}} view */
  show(light, view) {
    this._light = light;
    this._view = view;
    this._draw();
  }

  /** @param {number} spot to point at; -1 for none */
  point(spot) {
    this._pointed = spot;
    this._drawOutlines();
  }

  /** @param {number} share 0–1 where the player stands, below 0 for nowhere */
  playhead(share) {
    this._head ??= this._surface.appendChild(
      h("div", { class: "playhead", "aria-hidden": "true" }),
    );
    setVars(this._head, { "--at": share });
    this._head.hidden = share < 0;
  }

  /** @param {import("../model.js").Spot} spot @returns {number[] | null} */
  _boxOf(spot) {
    const whole = this._model.hit.locator.time;
    if (this._model.hit.kind === "audio" && spot.time && whole) {
      const at = (/** @type {number} */ second) =>
        Math.min(Math.max((second - whole[0]) / Math.max(whole[1] - whole[0], 1e-3), 0), 1);
      return [at(spot.time[0]), BAND[0], at(spot.time[1]), BAND[1]];
    }
    return spot.box;
  }

  _draw() {
    const { clientWidth: width, clientHeight: height } = this._surface;
    if (!width || !height) return;
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    this._canvas.width = Math.round(width * scale);
    this._canvas.height = Math.round(height * scale);
    const brush = /** @type {CanvasRenderingContext2D} */ (this._canvas.getContext("2d"));
    if (this._paper) this._drawOnPaper(brush);
    else this._drawOnDark(brush);
    setVars(this._canvas, { "--opacity": this._view.opacity });
    this._drawOutlines();
  }

  /** @returns {[number[], number][]} boxes with their light 0–1: large ones first, then dim ones, so that no word is covered */
  _lit() {
    const { light, peak } = this._light;
    const lit = /** @type {[number[], number][]} */ ([]);
    this._boxes.forEach((box, spot) => {
      const share = peak ? light[spot] / peak : 0;
      if (box && share > 0.01 && share >= this._view.threshold) lit.push([this._grown(box), share]);
    });
    return lit.sort((a, b) => Number(isLarge(b[0])) - Number(isLarge(a[0])) || a[1] - b[1]);
  }

  /** @param {number[]} box @returns {number[]} wider by the same number of pixels on each side */
  _grown(box) {
    const { clientWidth: width, clientHeight: height } = this._surface;
    const px = LEAST_MARGIN_PX / Math.max(height, 1);
    const own = Math.min(MARGIN * (box[3] - box[1]), MOST_MARGIN);
    const down = Math.max(own, LEAST_MARGIN, px);
    const along = (down * height) / Math.max(width, 1);
    const within = (/** @type {number} */ one) => Math.min(Math.max(one, 0), 1);
    return [box[0] - along, box[1] - down, box[2] + along, box[3] + down].map(within);
  }

  /** @param {CanvasRenderingContext2D} brush paints amber that the page is multiplied with */
  _drawOnPaper(brush) {
    for (const [box, share] of this._lit()) {
      for (const [part, light] of partsOf(box, share, brush.canvas)) {
        brush.fillStyle = `rgb(${colourOf(light).join(" ")})`;
        rectangle(brush, part);
      }
    }
  }

  /** @param {CanvasRenderingContext2D} brush dims everything but what is lit */
  _drawOnDark(brush) {
    const lit = this._lit();
    if (!lit.length) return;
    brush.fillStyle = "rgb(10 8 6 / 0.56)";
    brush.fillRect(0, 0, brush.canvas.width, brush.canvas.height);
    for (const [box, share] of lit.flatMap(([b, light]) => partsOf(b, light, brush.canvas))) {
      brush.globalCompositeOperation = "destination-out";
      brush.fillStyle = `rgb(0 0 0 / ${0.4 + 0.6 * share})`;
      rectangle(brush, box);
      brush.globalCompositeOperation = "source-over";
      brush.fillStyle = `rgb(255 178 60 / ${0.34 * share})`;
      rectangle(brush, box);
    }
  }

  _drawOutlines() {
    const spots = this._model.outlined(this._light);
    const drawn = spots.filter((spot) => this._boxes[spot]).slice(0, 60);
    const rects = drawn.map((spot) => {
      const box = /** @type {number[]} */ (this._boxes[spot]);
      const isSmall = (box[3] - box[1]) * this._surface.clientHeight < SMALL_PX;
      return outline(this._grown(box), isSmall ? "won small" : "won");
    });
    const box = this._boxes[this._pointed ?? -1];
    if (box) rects.push(outline(this._grown(box), "pointed"));
    if (this._dragged) rects.push(outline(this._dragged, "dragged"));
    replace(this._outlines, rects);
  }

  _listen() {
    const surface = this._surface;
    surface.addEventListener("pointerdown", (event) => this._pressed(event));
    surface.addEventListener("pointermove", (event) => this._moved(event));
    surface.addEventListener("pointerup", (event) => this._released(event));
    surface.addEventListener("pointercancel", () => this._endDrag());
    surface.addEventListener("pointerleave", () => this._start || this._tell(-1, { x: 0, y: 0 }));
    this.element.addEventListener("keydown", (event) => this._step(event));
    this.element.addEventListener("blur", () => this._tell(-1, { x: 0, y: 0 }));
  }

  /** @param {PointerEvent} event */
  _pressed(event) {
    if (event.button !== 0 || (event.pointerType === "touch" && !this.marking)) return;
    this._start = this._at(event);
    this._surface.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.element.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  _moved(event) {
    const at = this._at(event);
    if (!this._start) return this._tell(this._spotAt(at), at);
    const [from, to] = [this._start, at];
    this._dragged = [
      Math.min(from.x, to.x),
      Math.min(from.y, to.y),
      Math.max(from.x, to.x),
      Math.max(from.y, to.y),
    ];
    this._drawOutlines();
  }

  /** @param {PointerEvent} event */
  _released(event) {
    const box = this._dragged;
    const tapped = this._at(event);
    this._endDrag();
    if (box && box[2] - box[0] > LEAST_DRAG && box[3] - box[1] > LEAST_DRAG)
      this._given.onregion(box.map(rounded));
    else if (event.pointerType === "touch") this._tell(this._spotAt(tapped), tapped);
  }

  _endDrag() {
    this._start = undefined;
    this._dragged = undefined;
    this._drawOutlines();
  }

  /** @param {KeyboardEvent} event steps through the places that won, the strongest first */
  _step(event) {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const spots = this._model.outlined(this._light).filter((spot) => this._boxes[spot]);
    if (event.key === "Escape") return this._tell(-1, { x: 0, y: 0 });
    if (!way || !spots.length) return undefined;
    event.preventDefault();
    const now = spots.indexOf(this._pointed ?? -1);
    const next = spots[(now + way + spots.length + (now < 0 && way < 0 ? 1 : 0)) % spots.length];
    const box = /** @type {number[]} */ (this._boxes[next]);
    return this._tell(next, { x: (box[0] + box[2]) / 2, y: box[3] });
  }

  /** @param {{x: number, y: number}} at */
  _spotAt(at) {
    if (this._model.hit.kind !== "audio") return this._model.spotAt(at.x, at.y);
    return this._boxes.findIndex((box) => box && at.x >= box[0] && at.x <= box[2]);
  }

  /** @param {number} spot @param {{x: number, y: number}} at */
  _tell(spot, at) {
    this.point(spot);
    this._given.onplace(spot, at);
  }

  /** @param {PointerEvent} event */
  _at(event) {
    const frame = this._surface.getBoundingClientRect();
    const share = (/** @type {number} */ value, /** @type {number} */ size) =>
      Math.min(Math.max(value / size, 0), 1);
    return {
      x: share(event.clientX - frame.left, frame.width),
      y: share(event.clientY - frame.top, frame.height),
    };
  }
}

/** @param {number} value */
const rounded = (value) => Math.round(value * 1e4) / 1e4;

/** @param {CanvasRenderingContext2D} brush @param {number[]} box */
function rectangle(brush, [left, top, right, bottom]) {
  const { width, height } = brush.canvas;
  const radius = Math.min(3, ((bottom - top) * height) / 4);
  brush.beginPath();
  brush.roundRect(
    left * width,
    top * height,
    Math.max((right - left) * width, 1),
    Math.max((bottom - top) * height, 1),
    radius,
  );
  brush.fill();
}

/** @param {number[]} box @param {string} kind */
function outline([left, top, right, bottom], kind) {
  return s("rect", {
    class: kind,
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
    "vector-effect": "non-scaling-stroke",
  });
}

/** @param {number[]} box */
function isLarge(box) {
  return (box[2] - box[0]) * (box[3] - box[1]) > LARGE;
}

/**
 * @param {number[]} box @param {number} share @param {{width: number, height: number}} surface
 * @returns {[number[], number][]} what to paint of a place: its middle, then its edges; small ones whole
 */
function partsOf(box, share, { width, height }) {
  if (!isLarge(box)) return [[box, share]];
  const edge = EDGE * Math.min(width, height);
  const [across, down] = [edge / width, edge / height];
  const [left, top, right, bottom] = box;
  return [
    [box, MIDDLE * share],
    [[left, top, right, top + down], share],
    [[left, bottom - down, right, bottom], share],
    [[left, top + down, left + across, bottom - down], share],
    [[right - across, top + down, right, bottom - down], share],
  ];
}

/** @param {HTMLImageElement} image whether its ground is light enough for amber */
function isPaper(image) {
  const canvas = h("canvas", { width: 32, height: 32 });
  const brush = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  brush.drawImage(image, 0, 0, 32, 32);
  const { data } = brush.getImageData(0, 0, 32, 32);
  const grey = [];
  for (let i = 0; i < data.length; i += 4)
    grey.push(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]);
  grey.sort((a, b) => a - b);
  return grey[grey.length >> 1] > GREY_PAPER;
}
