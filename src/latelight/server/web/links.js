/** The addresses of searches and hits. */

import { link } from "./router.js";

/** @param {import("./views/search_form.js").Given} given @param {number | string} [hit] */
export function addressOf(given, hit = "") {
  const place = given.place ? `${given.place.namespace}/${given.place.collection}` : "";
  const shared = {
    c: place,
    hit,
    k: given.k === 10 ? "" : given.k,
    group: given.group,
    filter: given.filter ? JSON.stringify(given.filter) : "",
  };
  if (given.like)
    return link(["similar"], {
      ...shared,
      doc: given.like.doc_id,
      unit: given.like.unit_id,
      box: given.like.box?.join(",") ?? "",
    });
  const own = {
    q: given.text,
    mode: given.mode === "auto" ? "" : given.mode,
    recall: given.recall === "balanced" ? "" : given.recall,
    exact: given.exact ? "1" : "",
    profile: given.profile ? "1" : "",
    picture: given.picture,
  };
  return link(["search"], { ...shared, ...own });
}

/** @param {import("./views/search_form.js").Given} given the text by which a hit can be explained; empty for pictures and likenesses */
export function askedText(given) {
  return given.like || given.picture ? "" : given.text;
}

/** @param {import("./api.js").Place} place @param {any} hit @param {import("./views/search_form.js").Given} given */
export function evidenceLink(place, hit, given) {
  const text = askedText(given);
  return link(["evidence", place.namespace, place.collection, hit.doc_id, hit.unit_id], {
    q: text,
    mode: given.mode === "auto" ? "" : given.mode,
    from: text ? "" : addressOf(given), // without a text the hit is found again by its search alone
  });
}

/** @param {import("./api.js").Place} place @param {any} hit @param {number[]} [box] */
export function likeLink(place, hit, box) {
  return link(["similar"], {
    c: `${place.namespace}/${place.collection}`,
    doc: hit.doc_id,
    unit: hit.unit_id,
    box: box?.join(",") ?? "",
  });
}
