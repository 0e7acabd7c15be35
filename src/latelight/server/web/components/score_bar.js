/** The score as a bar of what each word of the query brought. */

import { h } from "../dom.js";
import { figure } from "../text.js";

/** @typedef {import("../model.js").Word} Word */

/**
 * @param {Word[]} words @param {number} most the score that fills the bar
 * @returns {HTMLElement} parts as long as what they brought; what took away is told in the label alone
 */
export function scoreBar(words, most) {
  const brought = words.filter((word) => word.contribution > 0);
  const parts = brought.map((word) => part(word, most));
  return h(
    "div",
    { class: "score-bar", role: "img", "aria-label": `Score by word: ${spoken(words)}` },
    parts,
  );
}

/** @param {Word} word @param {number} most */
function part(word, most) {
  return h("span", {
    class: `part ${colourClass(word)}`,
    vars: { "--share": word.contribution / Math.max(most, 1e-9) },
    title: `${word.text} ${figure(word.contribution)}`,
  });
}

/** @param {Word[]} words */
function spoken(words) {
  return words.map((word) => `${word.text} ${figure(word.contribution, 2)}`).join(", ");
}

/** @param {Word} word */
export function colourClass(word) {
  return word.colour < 0 ? "c-quiet" : `c${word.colour}`;
}
