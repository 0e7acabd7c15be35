/**
 * The query's words as buttons: pointing at one shows its own light, pressing pins it.
 *
 * @typedef {import("../model.js").Word} Word
 */

import { h } from "../dom.js";
import { figure, foundIn } from "../text.js";
import { colourClass } from "./score_bar.js";

/** A long query (a page that is searched with) has hundreds of words. */
const MOST_SHOWN = 24;

export class Chips {
  /** @param {Word[]} words @param {(word: Word | null) => void} chosen is told which word is meant now, null for all */
  constructor(words, chosen) {
    this._chosen = chosen;
    this._words = words;
    /** @type {Word | null} */
    this.pinned = null;
    const most = Math.max(1e-9, ...words.map((word) => word.contribution));
    this._buttons = words.map((word) => this._button(word, most));
    this.element = h(
      "div",
      { class: "chips", role: "group", "aria-label": "Words of the query" },
      this._buttons,
      this._rest(),
    );
  }

  /** @returns {HTMLElement | null} a button that shows the weaker ones too, where there are very many */
  _rest() {
    if (this._words.length <= MOST_SHOWN) return null;
    const ranked = [...this._words].sort((a, b) => b.contribution - a.contribution);
    const weak = new Set(ranked.slice(MOST_SHOWN));
    this._buttons.forEach((button, i) => (button.hidden = weak.has(this._words[i])));
    const rest = h("button", { type: "button", class: "chip c-quiet" }, `${weak.size} weaker ones`);
    rest.addEventListener("click", () => {
      for (const button of this._buttons) button.hidden = false;
      rest.remove();
    });
    return rest;
  }

  /** @param {Word} word @param {number} most */
  _button(word, most) {
    const button = h(
      "button",
      {
        type: "button",
        class: `chip ${colourClass(word)}`,
        "aria-pressed": "false",
        vars: { "--share": Math.max(word.contribution, 0) / most },
        title: described(word),
      },
      h(
        "span",
        { class: "chip-text" },
        word.kind === "marker" ? `[${word.text.replace(/^\[|\]$/g, "")}]` : word.text,
      ),
      h(
        "span",
        { class: "chip-figures" },
        word.similarity ? h("span", { class: "similarity" }, figure(word.similarity, 2)) : null,
        h("span", { class: "contribution" }, figure(word.contribution, 2)),
      ),
    );
    button.addEventListener("pointerenter", () => this._chosen(word));
    button.addEventListener("pointerleave", () => this._chosen(this.pinned));
    button.addEventListener("focus", () => this._chosen(word));
    button.addEventListener("blur", () => this._chosen(this.pinned));
    button.addEventListener("click", () => this._pin(this.pinned === word ? null : word));
    return button;
  }

  /** @param {Word | null} word */
  _pin(word) {
    this.pinned = word;
    this._buttons.forEach((button, i) =>
      button.setAttribute("aria-pressed", String(this._words[i] === word)),
    );
    this._chosen(word);
  }

  /** @param {Set<Word>} words that won at the place which is pointed at */
  point(words) {
    this._buttons.forEach((button, i) =>
      button.classList.toggle("is-pointed", words.has(this._words[i])),
    );
  }
}

/** @param {Word} word */
function described(word) {
  const found = [
    ...new Set(word.items.filter((item) => foundIn(item) && item.contribution > 0).map(foundIn)),
  ];
  const beginning = word.items.some((item) => item.part === "document")
    ? ", part of it from the document’s beginning"
    : "";
  const similarity = word.similarity ? `similarity ${figure(word.similarity)}, ` : "";
  return `${word.text}: ${similarity}contribution ${figure(word.contribution)}${found.length ? `; found ${found.slice(0, 3).join(", ")}` : ""}${beginning}`;
}
