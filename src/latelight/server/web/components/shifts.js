/** What each piece of the query brought more or less in the second version, as bars around a middle line. */

import { h } from "../dom.js";
import { figure, plural, signed } from "../text.js";

/** Smaller differences are not seen in three digits. */
const SEEN = 0.0005;

/** @param {any} document one of the documents that were looked into @returns {HTMLElement} */
export function shiftTable(document) {
  const most = Math.max(
    1e-9,
    ...document.shifts.map((/** @type {any} */ one) => Math.abs(one.delta)),
  );
  const same = document.shifts.filter((/** @type {any} */ one) => Math.abs(one.delta) < SEEN);
  const sorted = document.shifts
    .filter((/** @type {any} */ one) => Math.abs(one.delta) >= SEEN)
    .sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(b.delta) - Math.abs(a.delta));
  const total = h(
    "tr",
    null,
    h("th", { scope: "row" }, "Score"),
    h("td", { class: "shift-found" }),
    h("td", { class: "number" }, figure(document.score_before)),
    h("td", { class: "number" }, figure(document.score_after)),
    h("td", { class: "number" }, signed(document.delta)),
  );
  return h(
    "div",
    { class: "table-frame" },
    h(
      "table",
      { class: "shift-table" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("th", { scope: "col" }, "Piece of the query"),
          h("th", { scope: "col", class: "shift-found" }, "Found"),
          ["A", "B", "Difference"].map((name) => h("th", { scope: "col", class: "number" }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        sorted.map((/** @type {any} */ one) => row(one, most)),
        same.length ? sameRow(same) : null,
      ),
      h("tfoot", null, total),
    ),
  );
}

/** @param {any[]} same pieces that brought as much in both, as one row */
function sameRow(same) {
  const sum = (/** @type {"before" | "after"} */ name) =>
    same.reduce((all, one) => all + one[name], 0);
  return h(
    "tr",
    { class: "quiet" },
    h("th", { scope: "row" }, `${plural(same.length, "piece")} the same`),
    h("td", { class: "shift-found" }, [...new Set(same.map((one) => one.text))].join(", ")),
    h("td", { class: "number" }, figure(sum("before"))),
    h("td", { class: "number" }, figure(sum("after"))),
    h("td", { class: "number" }, signed(sum("after") - sum("before"))),
  );
}

/** @param {any} one @param {number} most */
function row(one, most) {
  const bar = h("span", {
    class: `shift-bar ${one.delta < 0 ? "is-less" : "is-more"}`,
    vars: { "--share": Math.abs(one.delta) / most },
    "aria-hidden": "true",
  });
  const signal = one.signal === "bm25" ? "BM25" : "MaxSim";
  return h(
    "tr",
    null,
    h(
      "th",
      { scope: "row" },
      one.text,
      h("span", { class: "quiet small" }, ` ${signal}${one.is_aligned ? "" : ", not aligned"}`),
    ),
    h("td", { class: "shift-found" }, foundIn(one)),
    h("td", { class: "number" }, figure(one.before)),
    h("td", { class: "number" }, figure(one.after)),
    h("td", { class: "number shift-cell" }, bar, h("span", null, signed(one.delta))),
  );
}

/** @param {any} one */
function foundIn(one) {
  const [before, after] = [one.found_before.join(", "), one.found_after.join(", ")];
  return before === after ? before || "–" : `${before || "–"} → ${after || "–"}`;
}
