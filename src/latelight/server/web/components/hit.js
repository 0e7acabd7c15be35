/** One hit in a list: what it looks like, where it is, which words matched, what brought its score. */

import { inside, withQuery } from "../api.js";
import { h, icon } from "../dom.js";
import { thumbnail } from "../images.js";
import { wordsOf } from "../model.js";
import { Characters, figure, placeOf, titleOf } from "../text.js";
import { scoreBar } from "./score_bar.js";

const THUMB_WIDTH = 320;
const KINDS = /** @type {Record<string, string>} */ ({
  passage: "Text",
  page: "Page",
  image: "Picture",
  frame: "Frame",
  audio: "Sound",
});

/**
 * @param {any} hit
 * @param {{place: import("../api.js").Place, query: string, most: number, href: string, like: string, chosen: boolean, signal: AbortSignal, onopen: (event: MouseEvent) => void}} given
 */
export function hitCard(hit, given) {
  const place = placeOf(hit.locator, hit.kind);
  return h(
    "li",
    { class: `hit ${given.chosen ? "is-chosen" : ""}`, "data-rank": hit.rank },
    picture(hit, given),
    h(
      "div",
      { class: "hit-main" },
      h(
        "p",
        { class: "hit-place" },
        h("span", { class: "rank" }, hit.rank),
        [KINDS[hit.kind] ?? hit.kind, place].filter(Boolean).join(" · "),
      ),
      h("h2", { dir: "auto" }, h("a", { href: given.href, onclick: given.onopen }, titleOf(hit))),
      h("p", { class: "snippet", dir: "auto" }, snippet(hit)),
      h(
        "div",
        { class: "hit-foot" },
        scoreBar(wordsOf(hit.evidence ?? [], given.query), given.most),
        h("span", { class: "hit-score", title: "Score" }, figure(hit.score, 2)),
        h(
          "a",
          {
            class: "like",
            href: given.like,
            "aria-label": `More like this: ${[titleOf(hit), place].filter(Boolean).join(", ")}`,
          },
          "More like this",
        ),
      ),
    ),
  );
}

/** @param {any} hit @param {{place: import("../api.js").Place, signal: AbortSignal}} given */
function picture(hit, { place, signal }) {
  if (!hit.has_preview)
    return h("div", { class: "thumb is-text", "aria-hidden": "true" }, icon("file"));
  const src = withQuery(inside(place, "documents", hit.doc_id, "units", hit.unit_id, "preview"), {
    width: THUMB_WIDTH,
  });
  const made = thumbnail(src, "", signal);
  made.classList.add(`kind-${hit.kind}`);
  return made;
}

/** @param {any} hit @returns {import("../dom.js").Children} the text with its marks, the deeper the more they brought */
function snippet(hit) {
  if (!hit.snippet)
    return (hit.text ?? "").slice(0, 240) || h("span", { class: "quiet" }, "No words on it");
  const text = new Characters(hit.snippet.text);
  const most = Math.max(1e-9, ...hit.snippet.marks.map((/** @type {number[]} */ mark) => mark[2]));
  const out = [];
  let at = 0;
  for (const [start, end, weight] of hit.snippet.marks) {
    out.push(
      text.slice(at, start),
      h("mark", { class: `level-${levelOf(weight / most)}` }, text.slice(start, end)),
    );
    at = end;
  }
  return [...out, text.slice(at, text.length)];
}

/** @param {number} share */
function levelOf(share) {
  return share > 2 / 3 ? 4 : share > 1 / 3 ? 3 : share > 0.1 ? 2 : 1;
}
