/** Evaluations of a collection: begun from judged topics, and what came out with its uncertainty. */

import { all, blob, call, inside, key } from "../api.js";
import { ofCollection } from "../components/collection_picker.js";
import { ask } from "../components/dialog.js";
import { intervalTable } from "../components/intervals.js";
import { failed, notice, skeletons, toastError } from "../components/notice.js";
import { h, icon, replace } from "../dom.js";
import { go, link } from "../router.js";
import { figure, moment, plural, signed } from "../text.js";

const POLL_MS = 1500;
const ENDED = new Set(["done", "failed"]);

/** @type {import("../router.js").View} */
export function evaluationsView(root, route, signal) {
  ofCollection({
    root,
    route,
    signal,
    title: "Evaluations",
    said: "How good rankings are on judged topics, and whether a difference is more than chance.",
    show: (body, place, tools) => {
      tools.append(
        h(
          "button",
          { type: "button", class: "button is-primary", onclick: () => begin(place) },
          icon("plus"),
          "New",
        ),
      );
      if (route.parts[2]) showOne(body, place, route.parts[2], signal);
      else showAll(body, place, signal);
    },
  });
  return undefined;
}

/** @param {HTMLElement} body @param {import("../api.js").Place} place @param {AbortSignal} signal */
async function showAll(body, place, signal) {
  replace(body, skeletons(3));
  try {
    const found = await all(inside(place, "evaluations"), {}, signal);
    if (!found.length)
      replace(
        body,
        notice(
          "No evaluation yet",
          h(
            "p",
            null,
            "Give topics and their judgements; the versions that you choose are searched with all of them and compared.",
          ),
        ),
      );
    else
      replace(
        body,
        h(
          "ul",
          { class: "collection-list" },
          found.map((one) => line(one, place)),
        ),
      );
  } catch (error) {
    if (!signal.aborted)
      replace(
        body,
        failed(error, () => showAll(body, place, signal)),
      );
  }
}

/** @param {any} one @param {import("../api.js").Place} place */
function line(one, place) {
  const verdicts = (one.result?.differences ?? []).map((/** @type {any} */ each) =>
    h(
      "span",
      {
        class: `state ${{ better: "is-good", worse: "is-bad" }[/** @type {string} */ (each.verdict)] ?? ""}`,
      },
      `${each.measure} ${signed(each.difference)}: ${each.verdict}`,
    ),
  );
  const state = h(
    "span",
    { class: `state ${one.state === "failed" ? "is-bad" : "is-live"}` },
    one.state,
  );
  return h(
    "li",
    { class: "collection-card is-evaluation" },
    h(
      "div",
      { class: "collection-name" },
      h(
        "h2",
        null,
        h(
          "a",
          { href: link(["evaluations", place.namespace, place.collection, one.evaluation_id]) },
          (one.versions ?? []).join(" against "),
        ),
      ),
      h(
        "p",
        { class: "quiet small" },
        `${moment(one.created_at)} · ${(one.measures ?? []).join(", ")}`,
      ),
    ),
    h(
      "div",
      { class: "buttons" },
      ENDED.has(one.state) && one.state !== "failed" ? verdicts : state,
    ),
  );
}

/** @param {HTMLElement} body @param {import("../api.js").Place} place @param {string} id @param {AbortSignal} signal */
async function showOne(body, place, id, signal) {
  replace(body, skeletons(3));
  try {
    for (;;) {
      const one = await call(inside(place, "evaluations", id), { signal });
      if (signal.aborted) return;
      replace(body, detail(one, place));
      if (ENDED.has(one.state)) return;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  } catch (error) {
    if (!signal.aborted)
      replace(
        body,
        failed(error, () => showOne(body, place, id, signal)),
      );
  }
}

/** @param {any} one @param {import("../api.js").Place} place */
function detail(one, place) {
  const back = h(
    "a",
    { class: "crumb", href: link(["evaluations", place.namespace, place.collection]) },
    "All evaluations",
  );
  const head = h(
    "div",
    { class: "view-head" },
    h("div", null, back, h("h2", null, (one.versions ?? []).join(" against "))),
    one.result?.differences ? reportButton(place, one.evaluation_id) : null,
  );
  if (one.state === "failed")
    return h(
      "div",
      { class: "view-body" },
      head,
      h(
        "div",
        { class: "notice is-error" },
        h("h2", null, "The evaluation failed"),
        h("p", null, one.error),
      ),
    );
  if (!one.result)
    return h(
      "div",
      { class: "view-body" },
      head,
      h("p", { class: "quiet" }, "Topics are being searched."),
      skeletons(2),
    );
  return h(
    "div",
    { class: "view-body" },
    head,
    h("section", { class: "card" }, h("h2", null, "Means"), meansTable(one.result)),
    comparisonCard(one.result),
    changedCard(one.result),
  );
}

/** @param {any} result */
function meansTable(result) {
  const records = Object.values(result.records ?? {}).length
    ? Object.values(result.records)
    : (result.runs ?? []);
  const measures = Object.keys(records[0]?.means ?? {});
  const rows = records.map((/** @type {any} */ record) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, record.name),
      measures.map((name) => h("td", { class: "number" }, meanWithInterval(record, name))),
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
          h("th", { scope: "col" }, "Version"),
          measures.map((name) => h("th", { scope: "col", class: "number" }, name)),
        ),
      ),
      h("tbody", null, rows),
    ),
  );
}

/** @param {any} record @param {string} name @returns {string} the mean with the half-width of its 95 % interval over topics */
function meanWithInterval(record, name) {
  const values = /** @type {number[]} */ (Object.values(record.per_topic?.[name] ?? {}));
  const mean = record.means[name];
  if (values.length < 2) return figure(mean);
  const variance =
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${figure(mean)} ± ${figure(1.96 * Math.sqrt(variance / values.length))}`;
}

/** @param {any} result */
function comparisonCard(result) {
  if (!result.differences?.length) return null;
  const said = `${plural(result.n_topics, "topic")}. p-values are of the paired randomisation test, corrected by Holm’s method; the band is the margin below which a difference does not matter.`;
  return h(
    "section",
    { class: "card" },
    h("h2", null, "Differences"),
    intervalTable(result.differences, result.options?.margin ?? 0.02),
    h("p", { class: "quiet small" }, said),
  );
}

/** @param {any} result */
function changedCard(result) {
  const changed = result.differences?.[0]?.changed ?? [];
  if (!changed.length) return null;
  const rows = changed.map((/** @type {any} */ one) =>
    h(
      "tr",
      null,
      h("th", { scope: "row", dir: "auto" }, one.text || one.topic),
      h("td", { class: "number" }, figure(one.before)),
      h("td", { class: "number" }, figure(one.after)),
      h(
        "td",
        { class: `number ${one.after < one.before ? "wrong" : ""}` },
        signed(one.after - one.before),
      ),
    ),
  );
  return h(
    "section",
    { class: "card" },
    h("h2", null, `Topics that changed most, ${result.differences[0].measure}`),
    h(
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
            h("th", { scope: "col" }, "Topic"),
            ["Before", "After", "Difference"].map((name) =>
              h("th", { scope: "col", class: "number" }, name),
            ),
          ),
        ),
        h("tbody", null, rows),
      ),
    ),
  );
}

/** @param {import("../api.js").Place} place @param {string} id */
function reportButton(place, id) {
  const where = inside(place, "evaluations", id, "report");
  if (!key.get())
    return h(
      "a",
      { class: "button", href: where, target: "_blank", rel: "noopener" },
      "Full report",
    );
  const save = async () => {
    try {
      const held = URL.createObjectURL(await blob(where));
      h("a", { href: held, download: `evaluation-${id}.html` }).click();
      setTimeout(() => URL.revokeObjectURL(held), 1000);
    } catch (error) {
      toastError(error);
    }
  };
  return h("button", { type: "button", class: "button", onclick: save }, "Save the full report");
}

/** @param {import("../api.js").Place} place */
async function begin(place) {
  const versions = await all(inside(place, "versions")).catch(() => []);
  const names = versions.flatMap((one) => (one.aliases.length ? one.aliases : [one.digest]));
  const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) =>
    h("label", { class: "field" }, h("span", null, label), input);
  const topics = h("textarea", {
    class: "input code",
    rows: "5",
    required: true,
    placeholder: "t1\twhat drove sales",
    spellcheck: "false",
  });
  const qrels = h("textarea", {
    class: "input code",
    rows: "5",
    required: true,
    placeholder: "t1\tdoc-7\t1",
    spellcheck: "false",
  });
  const measures = h("input", { class: "input", value: "nDCG@10, R@10" });
  const ticks = names.map((name) =>
    h(
      "label",
      { class: "tick" },
      h("input", {
        type: "checkbox",
        value: name,
        checked: name === "live" || name === "candidate",
      }),
      name,
    ),
  );
  const body = [
    field("Topics: a line for each, topic, tab, text", topics),
    field("Judgements: topic, tab, document, tab, grade", qrels),
    field("Measures", measures),
    h("div", { class: "ticks" }, ticks),
  ];
  if (!(await ask({ title: "New evaluation", body, confirm: "Evaluate" }))) return;
  const chosen = ticks
    .map((tick) => /** @type {HTMLInputElement} */ (tick.firstElementChild))
    .filter((box) => box.checked);
  try {
    const asked = {
      queries: topicsOf(topics.value),
      qrels: qrelsOf(qrels.value),
      measures: measures.value
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean),
      versions: chosen.map((box) => box.value),
    };
    const { evaluation_id: id } = await call(inside(place, "evaluations"), {
      body: asked,
      once: true,
    });
    go(link(["evaluations", place.namespace, place.collection, id]));
  } catch (error) {
    toastError(error);
  }
}

/** @param {string} text @returns {string[][]} the fields of each line */
function fieldsOf(text) {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => line.split("\t").map((field) => field.trim()));
}

/** @param {string} text */
export function topicsOf(text) {
  return Object.fromEntries(fieldsOf(text).map(([topic, ...rest]) => [topic, rest.join(" ")]));
}

/** @param {string} text */
export function qrelsOf(text) {
  /** @type {Record<string, Record<string, number>>} */
  const found = {};
  for (const [topic, docId, grade = "1"] of fieldsOf(text))
    (found[topic] ??= {})[docId] = Number(grade);
  return found;
}
