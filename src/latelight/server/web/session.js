/** What the whole page knows: the server's greeting, the collections, the last answer. */

import { all, call, inside, path } from "./api.js";

/**
 * @typedef {{namespace: string, name: string, n_documents: number, n_units: number, n_rows: number, n_bytes: number, n_original_bytes: number, pipeline: string, digest: string, spaces: Record<string, any>}} Collection
 * @typedef {{address: string, place: import("./api.js").Place, answer: any, text: string, mode: string}} Found
 */

/** @type {{collections: Promise<Collection[]> | null, found: Found | null}} */
const held = { collections: null, found: null };

/** @param {AbortSignal} [signal] @returns {Promise<any>} */
export function whoami(signal) {
  return call(path("whoami"), { signal });
}

/** @returns {Promise<Collection[]>} of every namespace that the key sees */
export function collections() {
  held.collections ??= fetchCollections().catch((error) => {
    held.collections = null;
    throw error;
  });
  return held.collections;
}

async function fetchCollections() {
  const namespaces = await all(path("namespaces"));
  const lists = await Promise.all(
    namespaces.map(({ name }) => all(path("namespaces", name, "collections"))),
  );
  return lists.flat();
}

export function forgetCollections() {
  held.collections = null;
}

/** @type {Map<string, Promise<boolean>>} */
const releasing = new Map();

/**
 * Tell that somebody opened a document of a search. It counts in a release, so nothing is sent where there
 * is one version alone.
 *
 * @param {import("./api.js").Place} place @param {string} searchId @param {string} docId
 */
export async function tellUse(place, searchId, docId) {
  const name = `${place.namespace}/${place.collection}`;
  if (!releasing.has(name))
    releasing.set(
      name,
      all(inside(place, "versions")).then(
        (versions) => versions.length > 1,
        () => false,
      ),
    );
  if (!(await releasing.get(name))) return;
  await call(path("interactions"), {
    body: { ...place, search_id: searchId, doc_id: docId },
    once: true,
  }).catch(() => {});
}

/** @param {Found | null} found */
export function remember(found) {
  held.found = found;
}

/** @returns {Found | null} the answer that is being looked through */
export function lastFound() {
  return held.found;
}

/** @param {string} given `namespace/collection` @returns {import("./api.js").Place | null} */
export function placeNamed(given) {
  const cut = given.indexOf("/");
  return cut < 1 ? null : { namespace: given.slice(0, cut), collection: given.slice(cut + 1) };
}

/** @param {Collection} one */
export function nameOf(one) {
  return `${one.namespace}/${one.name}`;
}
