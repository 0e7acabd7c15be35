/** Two rankings beside each other, with a line for each document from where it stood to where it stands. */

import { h, s } from "../dom.js";
import { figure } from "../text.js";

const ROW = 52;
const HOWS = /** @type {Record<string, string>} */ ({
  entered: "new",
  left: "gone",
  up: "up",
  down: "down",
  same: "same",
});

/**
 * @param {any} difference as `compare` answers @param {string} chosen doc_id @param {(docId: string) => void} choose
 * @returns {HTMLElement}
 */
export function ranks(difference, chosen, choose) {
  const { k, moves } = difference;
  const side = (/** @type {"before" | "after"} */ which) => {
    const shown = moves
      .filter((/** @type {any} */ move) => move[which].rank && move[which].rank <= k)
      .sort((/** @type {any} */ a, /** @type {any} */ b) => a[which].rank - b[which].rank);
    return h(
      "ol",
      { class: "rank-list" },
      shown.map((/** @type {any} */ move) => entry(move, which, chosen, choose)),
    );
  };
  return h(
    "div",
    { class: "ranks" },
    head(difference.a, "A"),
    h("span", null),
    head(difference.b, "B"),
    side("before"),
    lines(moves, k, chosen),
    side("after"),
  );
}

/** @param {any} side @param {string} letter */
function head(side, letter) {
  return h(
    "div",
    { class: "rank-head" },
    h("strong", null, `${letter}: ${side.name}`),
    h("span", { class: "quiet small" }, `${side.pipeline} · ${side.digest.slice(0, 8)}`),
  );
}

/** @param {any} move @param {"before" | "after"} which @param {string} chosen @param {(docId: string) => void} choose */
function entry(move, which, chosen, choose) {
  const { rank, score } = move[which];
  const told = which === "after" ? h("span", { class: `how is-${move.how}` }, howOf(move)) : null;
  return h(
    "li",
    { vars: { "--rank": rank } },
    h(
      "button",
      {
        type: "button",
        class: "rank-entry",
        "aria-pressed": String(move.doc_id === chosen),
        onclick: () => choose(move.doc_id),
      },
      h("span", { class: "rank" }, rank),
      h("span", { class: "rank-title", dir: "auto" }, move.title || move.doc_id),
      told,
      h("span", { class: "number small quiet" }, figure(score, 2)),
    ),
  );
}

/** @param {any} move */
export function howOf(move) {
  const step = (move.before.rank ?? 0) - (move.after.rank ?? 0);
  if (move.how === "up") return move.before.rank ? `▲ ${step}` : "▲";
  if (move.how === "down") return move.after.rank ? `▼ ${-step}` : "▼";
  return move.how === "same" ? "" : HOWS[move.how];
}

/** @param {any[]} moves @param {number} k @param {string} chosen */
function lines(moves, k, chosen) {
  const height =
    Math.max(
      ...moves.map((move) => Math.max(within(move.before.rank, k), within(move.after.rank, k))),
      1,
    ) * ROW;
  const at = (/** @type {number | null} */ rank) =>
    within(rank, k) ? (within(rank, k) - 0.5) * ROW : null;
  const drawn = moves.map((move) =>
    line(
      at(move.before.rank),
      at(move.after.rank),
      `line is-${move.how} ${move.doc_id === chosen ? "is-chosen" : ""}`,
    ),
  );
  return s(
    "svg",
    {
      class: "rank-lines",
      viewBox: `0 0 100 ${height}`,
      height,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    drawn,
  );
}

/** @param {number | null} rank @param {number} k */
function within(rank, k) {
  return rank && rank <= k ? rank : 0;
}

/** @param {number | null} from @param {number | null} to @param {string} kind */
function line(from, to, kind) {
  if (from === null && to === null) return null;
  if (from === null)
    return s("path", {
      class: `${kind} is-loose`,
      d: `M60 ${to} L100 ${to}`,
      "vector-effect": "non-scaling-stroke",
    });
  if (to === null)
    return s("path", {
      class: `${kind} is-loose`,
      d: `M0 ${from} L40 ${from}`,
      "vector-effect": "non-scaling-stroke",
    });
  return s("path", {
    class: kind,
    d: `M0 ${from} C45 ${from} 55 ${to} 100 ${to}`,
    "vector-effect": "non-scaling-stroke",
  });
}
