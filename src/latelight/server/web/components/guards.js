/** Guards of a ramp, counts by arm, and the audit log. */

import { h } from "../dom.js";
import { count, figure, moment, percent } from "../text.js";

/** @param {any[]} guards @returns {HTMLElement} */
export function guardList(guards) {
  return h("ul", { class: "guards" }, guards.map(guard));
}

/** @param {any} one */
function guard(one) {
  const ratio = one.guard.includes("latency");
  const shown = (/** @type {number | null} */ value) =>
    value === null ? "–" : ratio ? `${figure(value, 0)} ms` : percent(value);
  const limit = ratio
    ? `limit ${figure(one.allowed, 2)} times`
    : `limit ${percent(one.allowed)} worse`;
  const state = { holds: "is-good", broken: "is-bad" }[/** @type {string} */ (one.state)] ?? "";
  // A ratio of 1 and a difference of 0 are no harm at all; the bar is full where the guard breaks.
  const harm = ratio
    ? (one.harm_at_least - 1) / Math.max(one.allowed - 1, 1e-9)
    : one.harm_at_least / Math.max(one.allowed, 1e-9);
  return h(
    "li",
    { class: "guard" },
    h(
      "div",
      { class: "guard-head" },
      h("h3", null, one.guard.replaceAll("_", " ")),
      h("span", { class: `state ${state}` }, one.state),
    ),
    h("p", { class: "small" }, `live ${shown(one.live)}, candidate ${shown(one.candidate)}`),
    h(
      "div",
      { class: `meter ${state}`, title: one.message, role: "img", "aria-label": one.message },
      h("span", {
        vars: { "--share": one.state === "too few" ? 0 : Math.min(Math.max(harm, 0), 1) },
      }),
    ),
    h(
      "p",
      { class: "quiet small" },
      `${limit} · ${count(one.n_live)} and ${count(one.n_candidate)} searches`,
    ),
  );
}

/** @param {any[]} counted @returns {HTMLElement} */
export function countTable(counted) {
  const names = [
    "Stage",
    "Arm",
    "Searches",
    "Errors",
    "Nothing found",
    "Used",
    "Overlap",
    "p50",
    "p95",
  ];
  const rows = counted.map((one) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, one.stage === "ramp" ? `ramp, step ${one.step + 1}` : one.stage),
      h("td", null, one.arm),
      [
        count(one.n_queries),
        count(one.n_errors),
        count(one.n_zero_hits),
        count(one.n_clicked),
        one.overlap === null ? "–" : figure(one.overlap, 2),
        one.p50_ms === undefined ? "–" : `${figure(one.p50_ms, 0)} ms`,
        one.p95_ms === undefined ? "–" : `${figure(one.p95_ms, 0)} ms`,
      ].map((text) => h("td", { class: "number" }, text)),
    ),
  );
  return h(
    "div",
    { class: "table-frame" },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          names.map((name, i) => h("th", { scope: "col", class: i > 1 ? "number" : "" }, name)),
        ),
      ),
      h("tbody", null, rows),
    ),
  );
}

/** @param {any[]} log oldest first @returns {HTMLElement} newest first */
export function auditLog(log) {
  const entries = [...log]
    .reverse()
    .map((one) =>
      h(
        "li",
        null,
        h("time", { class: "quiet small" }, moment(one.at)),
        h(
          "div",
          null,
          h("strong", null, one.what.replaceAll("_", " ")),
          one.before !== one.after && one.after
            ? h(
                "span",
                { class: "quiet" },
                ` ${one.before ? `${one.before.replaceAll("_", " ")} → ` : ""}${one.after.replaceAll("_", " ")}`,
              )
            : null,
          one.note ? h("p", { class: "small" }, one.note) : null,
        ),
      ),
    );
  return h("ol", { class: "audit" }, entries);
}
