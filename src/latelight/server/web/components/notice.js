/** States that are not data: nothing yet, nothing found, something wrong, a key needed. */

import { Problem } from "../api.js";
import { h } from "../dom.js";

/** @param {string} title @param {...import("../dom.js").Child} more */
export function notice(title, ...more) {
  return h("div", { class: "notice" }, h("h2", null, title), more);
}

/** @param {unknown} error @param {(() => void) | null} [again] @returns {HTMLElement} what is wrong, and what to do */
export function failed(error, again = null) {
  const problem =
    error instanceof Problem ? error : new Problem({ detail: String(error), code: "page" });
  if (!(error instanceof Problem)) console.error(error);
  if (problem.status === 401) return needsKey(problem);
  return h(
    "div",
    { class: "notice is-error", role: "alert" },
    h("h2", null, problem.message),
    problem.remedy ? h("p", null, problem.remedy) : null,
    h(
      "p",
      { class: "quiet small" },
      `Code ${problem.code}`,
      problem.requestId ? `, request ${problem.requestId}` : "",
    ),
    again ? h("button", { type: "button", class: "button", onclick: again }, "Try again") : null,
  );
}

/** @param {Problem} problem */
function needsKey(problem) {
  return h(
    "div",
    { class: "notice is-key", role: "alert" },
    h("h2", null, "This server needs a key"),
    h("p", null, problem.message),
    h(
      "button",
      {
        type: "button",
        class: "button is-primary",
        onclick: () => window.dispatchEvent(new CustomEvent("latelight:key")),
      },
      "Enter a key",
    ),
  );
}

/** @param {number} n @param {string} [kind] */
export function skeletons(n, kind = "row") {
  return h(
    "div",
    { class: "skeletons", "aria-hidden": "true" },
    Array.from({ length: n }, () => h("div", { class: `skeleton ${kind}` })),
  );
}

/** @param {string} text @param {"done" | "wrong"} [kind] for a few seconds at the lower edge */
export function toast(text, kind = "done") {
  const made = h("div", { class: `toast is-${kind}`, role: "status" }, text);
  document.body.append(made);
  setTimeout(() => made.remove(), 5000);
}

/** @type {HTMLElement | undefined} */
let busy;

/** @param {number} seconds until the page asks again; one notice, however many requests wait */
export function toastBusy(seconds) {
  busy?.remove();
  const made = h(
    "div",
    { class: "toast is-busy", role: "status" },
    `The server is busy. Asking again in ${Math.ceil(seconds)} s.`,
  );
  busy = made;
  document.body.append(made);
  setTimeout(() => made.remove(), 1000 * seconds);
}

/** @param {unknown} error */
export function toastError(error) {
  const problem = error instanceof Problem ? error : new Problem({ detail: String(error) });
  toast([problem.message, problem.remedy].filter(Boolean).join(" "), "wrong");
}
