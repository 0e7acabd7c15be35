/** One hit and its reasons: as a view of its own, and as the panel beside a list. */

import { Problem, call, inside } from "../api.js";
import { askAgain } from "../asking.js";
import { evidence } from "../components/evidence.js";
import { failed, skeletons } from "../components/notice.js";
import { h, icon, replace } from "../dom.js";
import { likeLink } from "../links.js";
import { go, link } from "../router.js";
import { lastFound } from "../session.js";
import { placeOf, titleOf } from "../text.js";

/**
 * @typedef {{place: import("../api.js").Place, query: string, mode: string, asked: string, signal: AbortSignal}} Asked
 * @typedef {{place: import("../api.js").Place, text: string, mode: string, from: string, docId: string, unitId: string}} At a hit, by its address
 */

/** @param {any} hit @param {Asked} asked @returns {Promise<any>} the explanation; winners alone where there is no text to explain by */
async function explained(hit, asked) {
  if (!asked.asked) return { query: asked.query, hit };
  const body = { text: asked.asked, mode: asked.mode || "auto" };
  const told = await call(
    inside(asked.place, "documents", hit.doc_id, "units", hit.unit_id, "explain"),
    { body, signal: asked.signal },
  );
  return {
    ...told,
    hit: {
      ...told.hit,
      has_preview: told.hit.has_preview ?? hit.has_preview ?? told.hit.kind !== "passage",
    },
  };
}

/** @param {HTMLElement} root @param {any} hit @param {Asked & {narrow?: boolean}} asked @param {(hit: any) => void} [told] */
async function fill(root, hit, asked, told = () => {}) {
  replace(root, skeletons(1, "page"));
  try {
    const explanation = await explained(hit, asked);
    if (asked.signal.aborted) return;
    told(explanation.hit);
    replace(
      root,
      evidence(explanation, {
        place: asked.place,
        signal: asked.signal,
        narrow: asked.narrow,
        onlike: ({ box }) => go(likeLink(asked.place, explanation.hit, box)),
      }),
    );
  } catch (error) {
    if (!asked.signal.aborted)
      replace(
        root,
        failed(error, () => fill(root, hit, asked, told)),
      );
  }
}

/** @param {any} hit @param {Asked & {full: string, away: () => void}} given @returns {HTMLElement} */
export function hitPanel(hit, given) {
  const body = h("div", { class: "panel-body" });
  fill(body, hit, { ...given, narrow: true });
  return h(
    "div",
    { class: "panel-inner" },
    h(
      "header",
      { class: "panel-head" },
      h(
        "div",
        { class: "panel-title" },
        h("h2", { dir: "auto" }, titleOf(hit)),
        h("p", { class: "quiet small" }, placeOf(hit.locator, hit.kind)),
      ),
      h(
        "a",
        {
          class: "icon-button",
          href: given.full,
          "aria-label": "Open in full",
          title: "Open in full",
        },
        icon("expand"),
      ),
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": "Close", onclick: given.away },
        icon("close"),
      ),
    ),
    body,
  );
}

/** @type {import("../router.js").View} */
export function evidenceView(root, route, signal) {
  const [namespace, collection, docId, unitId] = route.parts;
  const get = (/** @type {string} */ name, other = "") => route.query.get(name) ?? other;
  const place = { namespace, collection };
  const at = { place, text: get("q"), mode: get("mode", "auto"), from: get("from"), docId, unitId };
  const title = h("h1", { dir: "auto" }, docId);
  const where = h("p", { class: "quiet" });
  const body = h("div", { class: "evidence-body" });
  const steps = h("div", { class: "steps" });
  const back = { class: "icon-button", href: backLink(at), "aria-label": "Back to the hits" };
  root.append(
    h(
      "div",
      { class: "evidence-view" },
      h(
        "header",
        { class: "evidence-head" },
        h("a", back, icon("left")),
        h("div", { class: "evidence-title" }, title, where),
        steps,
      ),
      body,
    ),
  );
  showHit(body, at, signal, (hit) => {
    replace(title, titleOf(hit));
    const found = [placeOf(hit.locator, hit.kind), at.text && `“${at.text}”`];
    replace(where, found.filter(Boolean).join(" · "));
    document.title = `${titleOf(hit)} · Latelight`;
    stepThrough(steps, at, signal);
  });
}

/** @param {HTMLElement} body @param {At} at @param {AbortSignal} signal @param {(hit: any) => void} told */
async function showHit(body, at, signal, told) {
  replace(body, skeletons(1, "page"));
  try {
    const hit = await hitAt(at, signal);
    if (signal.aborted) return;
    const query = at.text || (lastFound()?.answer.query ?? "");
    const asked = { place: at.place, query, mode: at.mode, asked: at.text, signal };
    fill(body, hit, asked, told);
  } catch (error) {
    if (!signal.aborted)
      replace(
        body,
        failed(error, () => showHit(body, at, signal, told)),
      );
  }
}

/** @param {At} at @param {AbortSignal} signal @returns {Promise<any>} the hit, from its search where no text explains it */
async function hitAt(at, signal) {
  if (at.text) return inFound(at) ?? { doc_id: at.docId, unit_id: at.unitId };
  if (at.from && lastFound()?.address !== at.from) await askAgain(at.from, signal);
  const hit = inFound(at);
  if (hit) return hit;
  throw new Problem({
    code: "not_found",
    detail: "This is no longer among the hits of its search.",
    remedy: "Go back and search again.",
  });
}

/** @param {At} at */
function inFound(at) {
  return lastFound()?.answer.hits.find(
    (/** @type {any} */ hit) => hit.doc_id === at.docId && hit.unit_id === at.unitId,
  );
}

/** @param {At} at */
function backLink({ place, text, mode, from }) {
  if (from) return from;
  const found = lastFound();
  if (found && found.text === text && found.place.collection === place.collection)
    return found.address;
  return link(["search"], {
    c: `${place.namespace}/${place.collection}`,
    q: text,
    mode: mode === "auto" ? "" : mode,
  });
}

/**
 * Links to the hits before and after; the search is made again where the page was opened by its address.
 *
 * @param {HTMLElement} root @param {At} at @param {AbortSignal} signal
 */
async function stepThrough(root, at, signal) {
  const hits = await neighbours(at, signal).catch(() => []);
  const now = hits.findIndex(
    (/** @type {any} */ hit) => hit.doc_id === at.docId && hit.unit_id === at.unitId,
  );
  if (now < 0 || signal.aborted) return;
  replace(
    root,
    step(hits[now - 1], at, "left", "Previous hit"),
    h("span", { class: "quiet small" }, `${now + 1} of ${hits.length}`),
    step(hits[now + 1], at, "right", "Next hit"),
  );
}

/** @param {any} hit @param {At} at @param {"left" | "right"} sign @param {string} label */
function step(hit, { place, text, mode, from }, sign, label) {
  if (!hit) return h("span", { class: "icon-button is-off", "aria-hidden": "true" }, icon(sign));
  const parts = ["evidence", place.namespace, place.collection, hit.doc_id, hit.unit_id];
  const href = link(parts, { q: text, mode: mode === "auto" ? "" : mode, from });
  return h("a", { class: "icon-button", href, "aria-label": label, title: label }, icon(sign));
}

/** @param {At} at @param {AbortSignal} signal @returns {Promise<any[]>} */
async function neighbours(at, signal) {
  const found = lastFound();
  if (found && (found.text === at.text || !at.text)) return found.answer.hits;
  const answer = await call(inside(at.place, "search"), {
    body: { text: at.text, mode: at.mode, k: 10 },
    signal,
  });
  return answer.hits;
}
