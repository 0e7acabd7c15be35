/**
 * Why one unit matched: its picture or text with the light of the rows that ranked it, and the score taken apart.
 * Used by the view of one hit and by the panel beside a list of hits.
 */

import { inside, withQuery } from "../api.js";
import { h } from "../dom.js";
import { Model } from "../model.js";
import { figure, placeOf, titleOf } from "../text.js";
import { Bubble } from "./bubble.js";
import { Chips } from "./chips.js";
import { evidenceTable } from "./evidence_table.js";
import { Picture } from "./picture.js";
import { isPlayable, player } from "./player.js";
import { scoreBar } from "./score_bar.js";
import { TextMap } from "./text_map.js";

/**
 * @typedef {{query: string, hit: any, rows?: any[]}} Explanation
 * @typedef {{place: import("../api.js").Place, signal: AbortSignal, onlike: (region: {box?: number[]}) => void, narrow?: boolean}} Around
 */

const PICTURE_WIDTH = 1400;
const VIEW = "latelight.view";
const NAMES = /** @type {Record<string, string>} */ ({ page: "page", frame: "frame" });

class EvidenceView {
  /** @param {Explanation} explanation @param {Around} around */
  constructor(explanation, around) {
    this._around = around;
    this._model = new Model(explanation);
    this._light = this._model.whole;
    this._view = savedView();
    this._bubble = new Bubble();
    this._chips = new Chips(this._model.words, (word) => this._choose(word?.items ?? null));
    this._text = this._model.hit.text ? this._makeText() : null;
    this._picture = this._model.hit.has_preview ? this._makePicture() : null;
    this.element = this._layout();
    this._show();
  }

  _makePicture() {
    const { hit } = this._model;
    const src = withQuery(
      inside(this._around.place, "documents", hit.doc_id, "units", hit.unit_id, "preview"),
      { width: PICTURE_WIDTH },
    );
    const picture = new Picture(this._model, {
      src,
      alt: `${titleOf(hit)}, ${placeOf(hit.locator, hit.kind) || hit.kind}`,
      onplace: (spot, at) => this._pointAt(spot, { ...at, frame: picture.element }),
      onregion: (box) => this._around.onlike({ box }),
    });
    picture.load(this._around.signal).catch(() => picture.element.classList.add("is-missing"));
    return picture;
  }

  _makeText() {
    const onseek =
      this._model.hit.kind === "audio"
        ? (/** @type {number} */ seconds) => this._seek?.(seconds)
        : undefined;
    return new TextMap(this._model, {
      onplace: (spot, piece) => this._pointAtText(spot, piece),
      onseek,
    });
  }

  _layout() {
    const { hit } = this._model;
    const stage = h(
      "div",
      { class: "stage" },
      this._picture
        ? h("div", { class: "frame" }, this._picture.element, this._bubble.element)
        : null,
      this._player(),
      this._textBlock(),
    );
    const aside = h(
      "div",
      { class: "reasons" },
      this._score(),
      this._chipBlock(),
      this._controls(),
      this._similar(),
      this._table(),
    );
    return h(
      "div",
      { class: `evidence kind-${hit.kind} ${this._around.narrow ? "is-narrow" : ""}` },
      stage,
      aside,
    );
  }

  _player() {
    const { hit } = this._model;
    if (!isPlayable(hit)) return null;
    const [from, to] = hit.locator.time ?? [0, 1];
    const made = player(this._around.place, hit, this._around.signal, (seconds) => {
      if (hit.kind !== "audio") return;
      this._picture?.playhead((seconds - from) / Math.max(to - from, 1e-3));
      this._text?.said(seconds);
    });
    this._seek = made.seek;
    return made.element;
  }

  _textBlock() {
    if (!this._text) return null;
    if (!this._picture)
      return h("div", { class: "frame" }, this._text.element, this._bubble.element);
    if (this._model.hit.kind === "audio")
      return h(
        "div",
        { class: "frame" },
        h("h2", { class: "sub" }, "Transcript"),
        this._text.element,
      );
    return h(
      "details",
      { class: "page-text" },
      h("summary", null, `Text of this ${NAMES[this._model.hit.kind] ?? "picture"}`),
      this._text.element,
    );
  }

  _score() {
    const { hit } = this._model;
    const parts = this._model
      .bySignal()
      .map(({ name, value }) =>
        h("li", null, h("span", null, name), h("span", { class: "number" }, figure(value))),
      );
    const total = Math.max(
      1e-9,
      this._model.words.reduce((sum, word) => sum + Math.max(word.contribution, 0), 0),
    );
    return h(
      "section",
      { class: "score", "aria-label": "Score" },
      h(
        "div",
        { class: "score-head" },
        h("span", { class: "score-value" }, figure(hit.score)),
        h("span", { class: "quiet" }, `score, ${figure(hit.score_norm)} a token`),
      ),
      scoreBar(this._model.words, total),
      h(
        "ul",
        { class: "score-sum" },
        parts,
        h(
          "li",
          { class: "is-sum" },
          h("span", null, "Sum of all contributions"),
          h("span", { class: "number", "data-sum": this._model.sum }, figure(this._model.sum)),
        ),
      ),
      hit.rerank_score === undefined
        ? null
        : h(
            "p",
            { class: "quiet small" },
            `A cross-encoder put it in this place with ${figure(hit.rerank_score)}; that is no part of the score.`,
          ),
    );
  }

  _chipBlock() {
    return h(
      "section",
      { "aria-label": "Words" },
      h("h2", { class: "sub" }, "What each word found"),
      this._chips.element,
      h(
        "p",
        { class: "legend small quiet" },
        h("span", null, "similarity"),
        h("span", null, "contribution"),
      ),
    );
  }

  _controls() {
    const slider = (/** @type {"opacity" | "threshold"} */ name, /** @type {string} */ label) =>
      h(
        "label",
        { class: "slider" },
        h("span", null, label),
        h("input", {
          type: "range",
          min: "0",
          max: "1",
          step: "0.05",
          value: String(this._view[name]),
          name,
          oninput: (/** @type {Event} */ event) =>
            this._change(name, Number(/** @type {HTMLInputElement} */ (event.target).value)),
        }),
      );
    return h(
      "div",
      { class: "sliders" },
      this._picture ? slider("opacity", "Opacity") : null,
      slider("threshold", "Threshold"),
    );
  }

  _similar() {
    const button = h(
      "button",
      { type: "button", class: "button is-quiet", onclick: () => this._around.onlike({}) },
      "More like this",
    );
    const marking = h(
      "button",
      { type: "button", class: "button is-quiet", "aria-pressed": "false" },
      "Mark a region",
    );
    marking.addEventListener("click", () => {
      if (!this._picture) return;
      this._picture.marking = !this._picture.marking;
      this._picture.element.classList.toggle("is-marking", this._picture.marking);
      marking.setAttribute("aria-pressed", String(this._picture.marking));
    });
    const draws = this._picture && this._model.hit.kind !== "audio";
    return h(
      "div",
      { class: "similar" },
      button,
      draws ? marking : null,
      draws
        ? h(
            "span",
            { class: "small quiet" },
            "Or drag a rectangle over the picture to search for more like that region.",
          )
        : null,
    );
  }

  _table() {
    return h(
      "details",
      { class: "figures" },
      h("summary", null, "All figures"),
      evidenceTable(this._model, (items) =>
        this._choose(items ?? this._chips.pinned?.items ?? null),
      ),
    );
  }

  /** @param {"opacity" | "threshold"} name @param {number} value */
  _change(name, value) {
    this._view = { ...this._view, [name]: value };
    localStorage.setItem(VIEW, JSON.stringify(this._view));
    this._show();
  }

  /** @param {import("../model.js").Evidence[] | null} items */
  _choose(items) {
    this._light = this._model.light(items);
    this._show();
  }

  _show() {
    this._picture?.show(this._light, this._view);
    this._text?.show(this._light, this._view);
  }

  /** @param {number} spot @param {{x: number, y: number, frame: HTMLElement}} at */
  _pointAt(spot, { x, y, frame }) {
    this._text?.point(spot);
    const here = this._told(spot);
    const surface = /** @type {HTMLElement} */ (frame.querySelector(".surface"));
    const { width, height } = surface.getBoundingClientRect();
    if (here.length)
      this._bubble.show(here, this._textAt(spot), {
        x: surface.offsetLeft + x * width,
        y: surface.offsetTop + y * height,
        width: frame.clientWidth,
        height: frame.clientHeight,
      });
    else this._bubble.hide();
  }

  /** @param {number} spot @param {HTMLElement | null} piece */
  _pointAtText(spot, piece) {
    this._picture?.point(spot);
    this._text?.point(spot);
    const here = this._told(spot);
    if (this._picture) return;
    const frame = piece?.closest(".frame")?.getBoundingClientRect();
    if (!here.length || !piece || !frame) return this._bubble.hide();
    const box = piece.getBoundingClientRect();
    this._bubble.show(here, "", {
      x: (box.left + box.right) / 2 - frame.left,
      y: box.bottom - frame.top - 8,
      width: frame.width,
      height: frame.height + 160,
    });
  }

  /** @param {number} spot @returns {import("../model.js").Here[]} */
  _told(spot) {
    const here = spot < 0 ? [] : this._model.here(spot);
    this._chips.point(new Set(here.filter((one) => one.won > 0).map((one) => one.word)));
    return here;
  }

  /** @param {number} spot */
  _textAt(spot) {
    const { span } = this._model.spots[spot];
    return span ? this._model.text.slice(Math.max(span[0], 0), span[1]).slice(0, 80) : "";
  }
}

/** @returns {{opacity: number, threshold: number}} */
function savedView() {
  try {
    return { opacity: 0.9, threshold: 0, ...JSON.parse(localStorage.getItem(VIEW) ?? "{}") };
  } catch {
    return { opacity: 0.9, threshold: 0 };
  }
}

/** @param {Explanation} explanation @param {Around} around @returns {HTMLElement} */
export function evidence(explanation, around) {
  return new EvidenceView(explanation, around).element;
}
