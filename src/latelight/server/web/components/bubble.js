/** What a place of the unit answers: the words that won there, and those that come nearest. */

import { h, replace, setVars } from "../dom.js";
import { figure } from "../text.js";
import { colourClass } from "./score_bar.js";

/** @typedef {import("../model.js").Here} Here */

const MOST_NEAR = 3;

export class Bubble {
  constructor() {
    this.element = h("div", { class: "bubble", role: "status", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /** @param {Here[]} here @param {string} text of the place @param {{x: number, y: number, width: number, height: number}} at in pixels of the frame, and the frame */
  show(here, text, at) {
    const won = here.filter((one) => one.won > 0);
    const near = here.filter((one) => one.won <= 0).slice(0, won.length ? 1 : MOST_NEAR);
    if (!here.length) return this.hide();
    replace(
      this.element,
      text ? h("p", { class: "bubble-text" }, text) : null,
      won.length ? h("p", { class: "bubble-head" }, "Won here") : null,
      h("ul", null, won.map(line)),
      near.length
        ? h("p", { class: "bubble-head" }, won.length ? "Next" : "Nearest, but won elsewhere")
        : null,
      h("ul", null, near.map(line)),
    );
    this.element.hidden = false;
    return this._place(at);
  }

  /** @param {{x: number, y: number, width: number, height: number}} at */
  _place({ x, y, width, height }) {
    const { offsetWidth, offsetHeight } = this.element;
    const left = Math.min(Math.max(x - offsetWidth / 2, 4), Math.max(width - offsetWidth - 4, 4));
    const below = y + 20 + offsetHeight < height || y < offsetHeight + 20;
    setVars(this.element, {
      "--left": `${left}px`,
      "--top": `${below ? y + 16 : y - offsetHeight - 16}px`,
    });
  }
}

/** @param {Here} one */
function line(one) {
  return h(
    "li",
    null,
    h("span", { class: `dot ${colourClass(one.word)}` }),
    h("span", { class: "bubble-word" }, one.word.text),
    h(
      "span",
      { class: "bubble-figures" },
      Number.isFinite(one.similarity) ? figure(one.similarity, 2) : "term",
      one.won > 0 ? h("strong", null, ` +${figure(one.won, 2)}`) : null,
    ),
  );
}
