/** Views that look at one collection: a choice at their head, and the view for the chosen one. */

import { h, replace } from "../dom.js";
import { go, link } from "../router.js";
import { collections, nameOf, placeNamed } from "../session.js";
import { failed, notice, skeletons } from "./notice.js";

const LAST = "latelight.collection";

/**
 * @param {{root: HTMLElement, route: import("../router.js").Route, signal: AbortSignal, title: string, said: string, show: (body: HTMLElement, place: import("../api.js").Place, tools: HTMLElement) => void}} given
 */
export async function ofCollection({ root, route, signal, title, said, show }) {
  const body = h("div", { class: "view-body" }, skeletons(3));
  const choice = h("div", { class: "buttons" });
  root.append(
    h(
      "div",
      { class: "view" },
      h(
        "header",
        { class: "view-head" },
        h("div", null, h("h1", null, title), h("p", { class: "quiet" }, said)),
        choice,
      ),
      body,
    ),
  );
  try {
    const known = await collections();
    if (signal.aborted) return;
    if (!known.length) {
      replace(
        body,
        notice(
          "No collection yet",
          h("a", { class: "button is-primary", href: link(["library"]) }, "Add documents"),
        ),
      );
      return;
    }
    const chosen = chosenOf(route, known);
    const tools = h("div", { class: "buttons" });
    replace(choice, select(route.name, known, chosen), tools);
    replace(body);
    show(body, /** @type {import("../api.js").Place} */ (placeNamed(chosen)), tools);
  } catch (error) {
    if (!signal.aborted) replace(body, failed(error));
  }
}

/** @param {import("../router.js").Route} route @param {import("../session.js").Collection[]} known */
function chosenOf(route, known) {
  if (route.parts.length >= 2) return `${route.parts[0]}/${route.parts[1]}`;
  const last = localStorage.getItem(LAST);
  return known.some((one) => nameOf(one) === last)
    ? /** @type {string} */ (last)
    : nameOf(known[0]);
}

/** @param {string} view @param {import("../session.js").Collection[]} known @param {string} chosen */
function select(view, known, chosen) {
  const several = new Set(known.map((one) => one.namespace)).size > 1;
  const made = h(
    "select",
    { class: "input picker", "aria-label": "Collection" },
    known.map((one) =>
      h(
        "option",
        { value: nameOf(one), selected: nameOf(one) === chosen },
        several ? nameOf(one) : one.name,
      ),
    ),
  );
  made.addEventListener("change", () => {
    localStorage.setItem(LAST, made.value);
    const { namespace, collection } = /** @type {import("../api.js").Place} */ (
      placeNamed(made.value)
    );
    go(link([view, namespace, collection]));
  });
  return made;
}
