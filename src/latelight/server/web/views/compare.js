/** Two versions on one query: what moved, what brought it about, and both heat maps. */

import { all, call, inside, withQuery } from "../api.js";
import { ofCollection } from "../components/collection_picker.js";
import { failed, notice, skeletons } from "../components/notice.js";
import { Picture } from "../components/picture.js";
import { howOf, ranks } from "../components/ranks.js";
import { shiftTable } from "../components/shifts.js";
import { TextMap } from "../components/text_map.js";
import { h, replace } from "../dom.js";
import { Model } from "../model.js";
import { go, link } from "../router.js";
import { figure, placeOf } from "../text.js";

const DEPTH = 10;
const WIDTH = 1000;

/** @type {import("../router.js").View} */
export function compareView(root, route, signal) {
  ofCollection({
    root,
    route,
    signal,
    title: "Compare",
    said: "Two versions of a collection on one query: what moved, and why.",
    show: (body, place) => void new Comparison(body, place, route, signal),
  });
  return undefined;
}

class Comparison {
  /** @param {HTMLElement} body @param {import("../api.js").Place} place @param {import("../router.js").Route} route @param {AbortSignal} signal */
  constructor(body, place, route, signal) {
    this._place = place;
    this._signal = signal;
    this._form = h("div", null);
    this._out = h("div", { class: "comparison" });
    body.append(this._form, this._out);
    this._begin(route.query);
  }

  /** @param {URLSearchParams} query */
  async _begin(query) {
    try {
      const versions = await all(inside(this._place, "versions"), {}, this._signal);
      if (versions.length < 2)
        return replace(
          this._out,
          notice(
            "There is one version",
            h(
              "p",
              null,
              "A release makes a second one, under another pipeline. Both can then be compared here.",
            ),
            h(
              "a",
              {
                class: "button is-primary",
                href: link(["releases", this._place.namespace, this._place.collection]),
              },
              "Releases",
            ),
          ),
        );
      const named = versions.flatMap((one) =>
        (one.aliases.length ? one.aliases : [one.digest]).map((/** @type {string} */ name) => ({
          name,
          label: `${name} · ${one.pipeline}`,
        })),
      );
      const live = named.find((one) => one.name === "live")?.name ?? named[0].name;
      const asked = {
        q: query.get("q") ?? "",
        a: query.get("a") ?? live,
        b: query.get("b") ?? named.find((one) => one.name !== live)?.name ?? "",
      };
      replace(this._form, this._makeForm(named, asked));
      if (asked.q) await this._compare(asked);
    } catch (error) {
      if (!this._signal.aborted) replace(this._out, failed(error));
    }
    return undefined;
  }

  /** @param {{name: string, label: string}[]} named @param {{q: string, a: string, b: string}} asked */
  _makeForm(named, asked) {
    const choice = (/** @type {"a" | "b"} */ name, /** @type {string} */ label) =>
      h(
        "label",
        { class: "field" },
        h("span", null, label),
        h(
          "select",
          { class: "input", name },
          named.map((one) =>
            h("option", { value: one.name, selected: one.name === asked[name] }, one.label),
          ),
        ),
      );
    return h(
      "form",
      {
        class: "picks compare-form",
        onsubmit: (/** @type {Event} */ event) => this._submit(event),
      },
      h(
        "label",
        { class: "field is-wide" },
        h("span", null, "Query"),
        h("input", { class: "input", name: "q", value: asked.q, required: true, type: "search" }),
      ),
      choice("a", "A, before"),
      choice("b", "B, after"),
      h("button", { type: "submit", class: "button is-primary" }, "Compare"),
    );
  }

  /** @param {Event} event */
  _submit(event) {
    event.preventDefault();
    const told = new FormData(/** @type {HTMLFormElement} */ (event.target));
    go(
      link(
        ["compare", this._place.namespace, this._place.collection],
        Object.fromEntries(["q", "a", "b"].map((name) => [name, told.get(name)])),
      ),
    );
  }

  /** @param {{q: string, a: string, b: string}} asked */
  async _compare(asked) {
    replace(this._out, skeletons(4));
    const search = (/** @type {string} */ version) =>
      call(inside(this._place, "search"), {
        body: { text: asked.q, k: DEPTH, group_by: "document", explain: true, version },
        signal: this._signal,
      });
    const [difference, a, b] = await Promise.all([
      call(inside(this._place, "compare"), {
        body: { text: asked.q, a: asked.a, b: asked.b, k: DEPTH },
        signal: this._signal,
      }),
      search(asked.a),
      search(asked.b),
    ]);
    this._difference = difference;
    this._answers = [a, b];
    this._show(difference.documents[0]?.doc_id ?? difference.moves[0]?.doc_id ?? "");
  }

  /** @param {string} chosen */
  _show(chosen) {
    const difference = /** @type {any} */ (this._difference);
    if (!difference.moves.length)
      return replace(
        this._out,
        notice("Nothing found", h("p", null, "Neither version finds anything for this query.")),
      );
    const moved = difference.moves.filter((/** @type {any} */ move) => move.how !== "same").length;
    const told = moved
      ? `${moved} of ${difference.moves.length} documents stand elsewhere.`
      : "Every document stands where it stood.";
    return replace(
      this._out,
      h("p", { class: "quiet" }, told),
      ranks(difference, chosen, (docId) => this._show(docId)),
      this._looked(chosen),
    );
  }

  /** @param {string} docId */
  _looked(docId) {
    const difference = /** @type {any} */ (this._difference);
    const move = difference.moves.find((/** @type {any} */ one) => one.doc_id === docId);
    const document = difference.documents.find((/** @type {any} */ one) => one.doc_id === docId);
    if (!move) return null;
    const rank = (/** @type {any} */ at) => (at.rank ? `rank ${at.rank}` : "not ranked");
    return h(
      "section",
      { class: "card", "aria-label": "What brought it about" },
      h("h2", { dir: "auto" }, move.title || docId),
      h(
        "p",
        { class: "quiet" },
        `${rank(move.before)} → ${rank(move.after)} `,
        h("span", { class: `how is-${move.how}` }, howOf(move)),
      ),
      document
        ? shiftTable(document)
        : h(
            "p",
            { class: "quiet" },
            "Only the documents that moved most are taken apart piece by piece.",
          ),
      this._maps(docId),
    );
  }

  /** @param {string} docId */
  _maps(docId) {
    const difference = /** @type {any} */ (this._difference);
    const sides = /** @type {any[]} */ (this._answers).map((answer, i) =>
      this._map(answer, docId, i ? difference.b.name : difference.a.name, "AB"[i]),
    );
    return h("div", { class: "both-maps" }, sides);
  }

  /** @param {any} answer @param {string} docId @param {string} version @param {string} letter */
  _map(answer, docId, version, letter) {
    const hit = answer.hits.find((/** @type {any} */ one) => one.doc_id === docId);
    const name = h("h3", null, `${letter}: ${version}`);
    if (!hit)
      return h(
        "div",
        { class: "half" },
        name,
        h("p", { class: "quiet" }, `Not among the first ${DEPTH}.`),
      );
    const map = h("div", null, skeletons(1));
    this._explained(answer.query, hit, version).then((model) =>
      replace(map, hit.has_preview ? this._picture(model, hit) : textOf(model)),
    );
    return h(
      "div",
      { class: `half kind-${hit.kind}` },
      name,
      h(
        "p",
        { class: "quiet small" },
        [placeOf(hit.locator, hit.kind), `score ${figure(hit.score)}`].join(" · "),
      ),
      map,
    );
  }

  /**
   * Every row of the unit in that version; what won, where these cannot be had.
   * @param {string} query @param {any} hit @param {string} version
   */
  async _explained(query, hit, version) {
    try {
      const asked = inside(this._place, "documents", hit.doc_id, "units", hit.unit_id, "explain");
      return new Model(await call(asked, { body: { text: query, version }, signal: this._signal }));
    } catch {
      return new Model({ query, hit });
    }
  }

  /** @param {Model} model @param {any} hit */
  _picture(model, hit) {
    const src = withQuery(
      inside(this._place, "documents", hit.doc_id, "units", hit.unit_id, "preview"),
      { width: WIDTH },
    );
    const picture = new Picture(model, {
      src,
      alt: `${hit.title || hit.doc_id}, lit`,
      onplace: () => {},
      onregion: () => {},
    });
    picture.load(this._signal).catch(() => picture.element.replaceWith(textOf(model)));
    return picture.element;
  }
}

/** @param {Model} model */
function textOf(model) {
  const text = new TextMap(model, { onplace: () => {} });
  text.show(model.whole, { threshold: 0 });
  return text.element;
}
