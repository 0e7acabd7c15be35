/** Differences with their intervals, on one scale around zero. */

import { h, s } from "../dom.js";
import { figure, signed } from "../text.js";

const VERDICTS = /** @type {Record<string, string>} */ ({ better: "is-good", worse: "is-bad" });

const CELLS = [
  "",
  "wide-only",
  "number wide-only",
  "number wide-only",
  "interval-cell",
  "number",
  "",
];

/** @param {any[]} differences of `Comparison` @param {number} margin smallest difference that matters @returns {HTMLElement} */
export function intervalTable(differences, margin) {
  const reach =
    Math.max(
      margin * 1.5,
      ...differences.map((one) =>
        Math.max(Math.abs(one.bootstrap.low), Math.abs(one.bootstrap.high)),
      ),
    ) * 1.08;
  const names = [
    "Measure",
    "System",
    "Before",
    "After",
    "Difference, 95 % interval",
    "p",
    "Verdict",
  ];
  const head = h(
    "tr",
    null,
    names.map((name, i) => h("th", { scope: "col", class: CELLS[i] }, name)),
  );
  return h(
    "div",
    { class: "table-frame" },
    h(
      "table",
      { class: "interval-table" },
      h("thead", null, head),
      h(
        "tbody",
        null,
        differences.map((one) => row(one, margin, reach)),
      ),
    ),
  );
}

/** @param {any} one @param {number} margin @param {number} reach */
function row(one, margin, reach) {
  const topics = one.needed ? `, ${one.needed} needed` : "";
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, one.measure),
    h(
      "td",
      { class: "wide-only" },
      one.system,
      h("span", { class: "quiet small" }, ` over ${one.baseline}`),
    ),
    h("td", { class: "number wide-only" }, figure(one.before)),
    h("td", { class: "number wide-only" }, figure(one.after)),
    h(
      "td",
      { class: "interval-cell" },
      bar(one, margin, reach),
      h(
        "span",
        { class: "small number" },
        `${signed(one.difference)} [${signed(one.bootstrap.low)}, ${signed(one.bootstrap.high)}]`,
      ),
    ),
    h("td", { class: "number" }, one.corrected_p < 0.001 ? "< 0.001" : figure(one.corrected_p)),
    h(
      "td",
      null,
      h("span", { class: `state ${VERDICTS[one.verdict] ?? ""}` }, one.verdict),
      h("span", { class: "quiet small" }, ` ${one.n_topics} topics${topics}`),
    ),
  );
}

/** @param {any} one @param {number} margin @param {number} reach */
function bar(one, margin, reach) {
  const x = (/** @type {number} */ value) => 50 + (50 * value) / reach;
  const { low, high } = one.bootstrap;
  return s(
    "svg",
    {
      class: `interval ${VERDICTS[one.verdict] ?? ""}`,
      viewBox: "0 0 100 24",
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `Difference ${signed(one.difference)}, from ${signed(low)} to ${signed(high)}`,
    },
    s("rect", { class: "margin", x: x(-margin), y: 0, width: x(margin) - x(-margin), height: 24 }),
    s("line", {
      class: "zero",
      x1: 50,
      x2: 50,
      y1: 0,
      y2: 24,
      "vector-effect": "non-scaling-stroke",
    }),
    s("line", {
      class: "reach",
      x1: x(low),
      x2: x(high),
      y1: 12,
      y2: 12,
      "vector-effect": "non-scaling-stroke",
    }),
    s("line", {
      class: "point",
      x1: x(one.difference),
      x2: x(one.difference),
      y1: 6,
      y2: 18,
      "vector-effect": "non-scaling-stroke",
    }),
  );
}
