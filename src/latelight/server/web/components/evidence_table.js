/** Every piece of evidence as a table that adds up to the score; its rows show their own light too. */

import { h } from "../dom.js";
import { figure, foundIn, placeOf } from "../text.js";
import { colourClass } from "./score_bar.js";

/**
 * @typedef {import("../model.js").Model} Model
 * @typedef {import("../model.js").Evidence} Evidence
 */

const PARTS = { unit: "", window: "best window", document: "document’s beginning" };

/** @param {Model} model @param {(items: Evidence[] | null) => void} chosen @returns {HTMLElement} */
export function evidenceTable(model, chosen) {
  const rows = model.words.flatMap((word) =>
    word.items.map((item) => row(model, word, item, chosen)),
  );
  const foot = h(
    "tr",
    null,
    h("th", { scope: "row", colspan: "4" }, "Sum"),
    h("td", { class: "number" }, figure(model.sum)),
  );
  return h(
    "div",
    { class: "table-frame" },
    h(
      "table",
      { class: "evidence-table" },
      h(
        "caption",
        { class: "unseen" },
        "What each query token found, and what it brought to the score",
      ),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ["Token", "Found", "Signal"].map((name) => h("th", { scope: "col" }, name)),
          ["Similarity", "Contribution"].map((name) =>
            h("th", { scope: "col", class: "number" }, name),
          ),
        ),
      ),
      h("tbody", null, rows),
      h("tfoot", null, foot),
    ),
  );
}

/** @param {Model} model @param {import("../model.js").Word} word @param {Evidence} item @param {(items: Evidence[] | null) => void} chosen */
function row(model, word, item, chosen) {
  const made = h(
    "tr",
    { tabindex: "0" },
    h("th", { scope: "row" }, h("span", { class: `dot ${colourClass(word)}` }), item.token),
    h(
      "td",
      { class: "found" },
      foundIn(item) || h("span", { class: "quiet" }, "–"),
      foundAt(model, item),
    ),
    h("td", { class: "quiet" }, signalOf(item, model.rows.length)),
    h("td", { class: "number" }, figure(item.similarity)),
    h("td", { class: "number" }, figure(item.contribution)),
  );
  made.addEventListener("pointerenter", () => chosen([item]));
  made.addEventListener("focus", () => chosen([item]));
  made.addEventListener("pointerleave", () => chosen(null));
  made.addEventListener("blur", () => chosen(null));
  return made;
}

/** @param {Evidence} item @param {number} nSpaces */
function signalOf(item, nSpaces) {
  if (item.signal === "bm25") return "BM25";
  const space = nSpaces > 1 ? ` ${item.space}` : "";
  return `MaxSim${space}${PARTS[item.part] ? `, ${PARTS[item.part]}` : ""}`;
}

/** @param {Model} model @param {Evidence} item */
function foundAt(model, item) {
  if (item.part !== "document") {
    const time = model.hit.kind === "audio" ? item.locators[0]?.time : null;
    return time ? h("span", { class: "quiet" }, ` ${placeOf({ time })}`) : null;
  }
  return h("span", { class: "quiet" }, ` ${placeOf(item.locators[0] ?? {}) || "at the beginning"}`);
}
