/** One hit and its reasons: as a view of its own, and as the panel beside a list. */

import { call, inside } from "../api.js";
import { evidence } from "../components/evidence.js";
import { failed, skeletons } from "../components/notice.js";
import { h, icon, replace } from "../dom.js";
import { likeLink } from "../links.js";
import { go, link } from "../router.js";
import { lastFound } from "../session.js";
import { placeOf, titleOf } from "../text.js";

/** @typedef {{place: import("../api.js").Place, query: string, mode: string, asked: string, signal: AbortSignal}} Asked */

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
  const place = { namespace, collection };
  const text = route.query.get("q") ?? "";
  const mode = route.query.get("mode") ?? "auto";
  const title = h("h1", { dir: "auto" }, docId);
  const where = h("p", { class: "quiet" });
  const body = h("div", { class: "evidence-body" });
  const steps = h("div", { class: "steps" });
  root.append(
    h(
      "div",
      { class: "evidence-view" },
      h(
        "header",
        { class: "evidence-head" },
        h(
          "a",
          {
            class: "icon-button",
            href: backLink(place, text, mode),
            "aria-label": "Back to the hits",
          },
          icon("left"),
        ),
        h("div", { class: "evidence-title" }, title, where),
        steps,
      ),
      body,
    ),
  );
  const known = lastFound()?.answer.hits.find(
    (/** @type {any} */ hit) => hit.doc_id === docId && hit.unit_id === unitId,
  );
  const query = lastFound()?.answer.query ?? text;
  if (!text && !known)
    replace(
      body,
      failed(
        new Error(
          "This hit was found by a picture or a likeness and cannot be linked to. Search again.",
        ),
      ),
    );
  else {
    fill(
      body,
      known ?? { doc_id: docId, unit_id: unitId },
      { place, query, mode, asked: text, signal },
      (hit) => {
        replace(title, titleOf(hit));
        replace(
          where,
          [placeOf(hit.locator, hit.kind), text && `“${text}”`].filter(Boolean).join(" · "),
        );
        document.title = `${titleOf(hit)} · Latelight`;
      },
    );
  }
  stepThrough(steps, { place, text, mode, docId, unitId }, signal);
}

/** @param {import("../api.js").Place} place @param {string} text @param {string} mode */
function backLink(place, text, mode) {
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
 * @param {HTMLElement} root @param {{place: import("../api.js").Place, text: string, mode: string, docId: string, unitId: string}} at @param {AbortSignal} signal
 */
async function stepThrough(root, at, signal) {
  const hits = await neighbours(at, signal).catch(() => []);
  const now = hits.findIndex(
    (/** @type {any} */ hit) => hit.doc_id === at.docId && hit.unit_id === at.unitId,
  );
  if (now < 0 || signal.aborted) return;
  const to = (/** @type {any} */ hit) =>
    link(["evidence", at.place.namespace, at.place.collection, hit.doc_id, hit.unit_id], {
      q: at.text,
      mode: at.mode === "auto" ? "" : at.mode,
    });
  const step = (
    /** @type {any} */ hit,
    /** @type {"left" | "right"} */ sign,
    /** @type {string} */ label,
  ) =>
    hit
      ? h(
          "a",
          { class: "icon-button", href: to(hit), "aria-label": label, title: label },
          icon(sign),
        )
      : h("span", { class: "icon-button is-off", "aria-hidden": "true" }, icon(sign));
  replace(
    root,
    step(hits[now - 1], "left", "Previous hit"),
    h("span", { class: "quiet small" }, `${now + 1} of ${hits.length}`),
    step(hits[now + 1], "right", "Next hit"),
  );
}

/** @param {{place: import("../api.js").Place, text: string, mode: string}} at @param {AbortSignal} signal @returns {Promise<any[]>} */
async function neighbours(at, signal) {
  const found = lastFound();
  if (found && (found.text === at.text || !at.text)) return found.answer.hits;
  const answer = await call(inside(at.place, "search"), {
    body: { text: at.text, mode: at.mode, k: 10 },
    signal,
  });
  return answer.hits;
}
