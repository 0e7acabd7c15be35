/** The library: its collections, and what is in one of them. */

import { Problem, call, inside } from "../api.js";
import { ask } from "../components/dialog.js";
import { failed, notice, skeletons, toast, toastError } from "../components/notice.js";
import { h, icon, replace } from "../dom.js";
import { go, link } from "../router.js";
import { collections, forgetCollections } from "../session.js";
import { bytes, count, plural } from "../text.js";
import { collectionView } from "./collection.js";

const NAME = "[A-Za-z0-9][A-Za-z0-9._\\-]*";

/** @type {import("../router.js").View} */
export function libraryView(root, route, signal) {
  const [namespace, collection] = route.parts;
  if (collection) return collectionView(root, { namespace, collection }, signal);
  const body = h("div", { class: "collections" });
  const create = h(
    "button",
    { type: "button", class: "button is-primary", onclick: () => createCollection() },
    icon("plus"),
    "New collection",
  );
  root.append(
    h(
      "div",
      { class: "view" },
      h("header", { class: "view-head" }, h("h1", null, "Library"), create),
      body,
    ),
  );
  show(body, signal);
  return undefined;
}

/** @param {HTMLElement} body @param {AbortSignal} signal */
async function show(body, signal) {
  replace(body, skeletons(3));
  forgetCollections();
  try {
    const known = await collections();
    if (signal.aborted) return;
    if (!known.length)
      replace(
        body,
        notice(
          "No collection yet",
          h(
            "p",
            null,
            "A collection is a set of documents that is searched together, under one pipeline. Make one, then drop files into it.",
          ),
        ),
      );
    else replace(body, table(known));
  } catch (error) {
    if (!signal.aborted)
      replace(
        body,
        failed(error, () => show(body, signal)),
      );
  }
}

/** @param {import("../session.js").Collection[]} known */
function table(known) {
  const several = new Set(known.map((one) => one.namespace)).size > 1;
  return h(
    "ul",
    { class: "collection-list" },
    known.map((one) => card(one, several)),
  );
}

/** @param {import("../session.js").Collection} one @param {boolean} several namespaces */
function card(one, several) {
  const spaces = Object.values(one.spaces ?? {});
  const encoders = spaces.map((space) => `${space.encoder}, ${space.dim} dims`).join("; ");
  const fact = (/** @type {string} */ name, /** @type {string} */ value) =>
    h("div", null, h("dt", null, name), h("dd", null, value));
  return h(
    "li",
    { class: "collection-card" },
    h(
      "div",
      { class: "collection-name" },
      h(
        "h2",
        null,
        h(
          "a",
          { href: link(["library", one.namespace, one.name]) },
          several ? `${one.namespace}/${one.name}` : one.name,
        ),
      ),
      h(
        "p",
        { class: "quiet small" },
        [`pipeline ${one.pipeline}`, encoders].filter(Boolean).join(" · "),
      ),
    ),
    h(
      "dl",
      { class: "facts" },
      fact("Documents", count(one.n_documents)),
      fact("Units", count(one.n_units)),
      fact("Rows", count(one.n_rows)),
      fact("Index", bytes(one.n_bytes)),
      fact("Originals", bytes(one.n_original_bytes)),
    ),
    h(
      "a",
      {
        class: "button is-small is-quiet over",
        href: link(["search"], { c: `${one.namespace}/${one.name}` }),
      },
      "Search",
    ),
  );
}

async function createCollection() {
  const namespace = h("input", {
    class: "input",
    name: "namespace",
    value: "default",
    required: true,
    pattern: NAME,
  });
  const name = h("input", {
    class: "input",
    name: "name",
    required: true,
    pattern: NAME,
    placeholder: "reports",
    autocomplete: "off",
  });
  const pipeline = h(
    "select",
    { class: "input", name: "pipeline" },
    h("option", { value: "default" }, "default"),
  );
  fillPipelines(pipeline);
  const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) =>
    h("label", { class: "field" }, h("span", null, label), input);
  const body = [
    field("Name", name),
    field("Pipeline", pipeline),
    field("Namespace", namespace),
    h(
      "p",
      { class: "quiet small" },
      "The pipeline says how documents are read, encoded and ranked. A release can change it later.",
    ),
  ];
  if (!(await ask({ title: "New collection", body, confirm: "Create" }))) return;
  const place = { namespace: namespace.value.trim(), collection: name.value.trim() };
  try {
    await call(inside(place), { method: "PUT", body: { pipeline: pipeline.value }, once: true });
    forgetCollections();
    go(link(["library", place.namespace, place.collection]));
  } catch (error) {
    toastError(error);
  }
}

/** @param {HTMLSelectElement} choice */
async function fillPipelines(choice) {
  try {
    const { items } = await call("/v1/pipelines");
    replace(
      choice,
      items.map((/** @type {any} */ one) =>
        h("option", { value: one.name, selected: one.name === "default" }, one.name),
      ),
    );
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/** @param {import("../api.js").Place} place @param {number} n how many documents it holds */
export async function dropCollection(place, n) {
  const typed = h("input", {
    class: "input",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Name of the collection",
  });
  const body = [
    h(
      "p",
      null,
      "This removes ",
      h("strong", null, plural(n, "document")),
      ", the kept originals and every version of the index. There is no way back.",
    ),
    h("p", null, "Type ", h("strong", null, place.collection), " to confirm."),
    typed,
  ];
  if (
    !(await ask({
      title: `Delete ${place.collection}?`,
      body,
      confirm: "Delete for good",
      danger: true,
    }))
  )
    return;
  if (typed.value.trim() !== place.collection) {
    toast("Nothing was deleted: the name was not the collection’s.", "wrong");
    return;
  }
  try {
    await call(inside(place), { method: "DELETE", once: true });
    forgetCollections();
    go(link(["library"]));
  } catch (error) {
    toastError(error);
  }
}
