/** One collection: upload, jobs, documents. */

import { call, inside, withQuery } from "../api.js";
import { ask } from "../components/dialog.js";
import { JobList } from "../components/jobs.js";
import { failed, notice, skeletons, toast, toastError } from "../components/notice.js";
import { uploader } from "../components/uploader.js";
import { h, icon, replace } from "../dom.js";
import { link } from "../router.js";
import { bytes, count, moment, plural, titleOf } from "../text.js";
import { dropCollection } from "./library.js";

const PAGE = 25;

/** @param {HTMLElement} root @param {import("../api.js").Place} place @param {AbortSignal} signal */
export function collectionView(root, place, signal) {
  const view = new CollectionView(root, place, signal);
  view.load();
  return undefined;
}

class CollectionView {
  /** @param {HTMLElement} root @param {import("../api.js").Place} place @param {AbortSignal} signal */
  constructor(root, place, signal) {
    this._place = place;
    this._signal = signal;
    /** @type {string[]} */
    this._cursors = [""];
    this._facts = h("p", { class: "quiet" });
    this._documents = h("div", { class: "documents" });
    this._jobs = new JobList(place, signal, () => this._refresh());
    const title = h(
      "div",
      null,
      h("a", { class: "crumb", href: link(["library"]) }, "Library"),
      h("h1", null, place.collection),
      this._facts,
    );
    const away = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Delete this collection",
        title: "Delete this collection",
        onclick: () => dropCollection(place, this._n ?? 0),
      },
      icon("trash"),
    );
    const search = h(
      "a",
      { class: "button", href: link(["search"], { c: `${place.namespace}/${place.collection}` }) },
      icon("search"),
      "Search",
    );
    root.append(
      h(
        "div",
        { class: "view" },
        h("header", { class: "view-head" }, title, h("div", { class: "buttons" }, search, away)),
        uploader(place, (job) => this._jobs.add(job)),
        this._jobs.element,
        h(
          "section",
          { "aria-label": "Documents" },
          h("h2", { class: "section-title" }, "Documents"),
          this._documents,
        ),
      ),
    );
  }

  load() {
    this._jobs.load();
    replace(this._documents, skeletons(4));
    return this._refresh();
  }

  async _refresh() {
    try {
      const [one, page] = await Promise.all([
        call(inside(this._place), { signal: this._signal }),
        call(
          withQuery(inside(this._place, "documents"), {
            limit: PAGE,
            cursor: this._cursors.at(-1),
          }),
          { signal: this._signal },
        ),
      ]);
      this._n = one.n_documents;
      replace(
        this._facts,
        [
          plural(one.n_documents, "document"),
          plural(one.n_units, "unit"),
          `${count(one.n_rows)} rows`,
          `${bytes(one.n_bytes)} index`,
          `pipeline ${one.pipeline}`,
        ].join(" · "),
      );
      this._showDocuments(page);
    } catch (error) {
      if (!this._signal.aborted)
        replace(
          this._documents,
          failed(error, () => this._refresh()),
        );
    }
  }

  /** @param {any} page */
  _showDocuments(page) {
    if (!page.items.length && this._cursors.length === 1) {
      replace(
        this._documents,
        notice(
          "No documents yet",
          h(
            "p",
            null,
            "Drop files above: PDF, pictures, text, office files, recordings, records in JSON lines.",
          ),
        ),
      );
      return;
    }
    const head = h(
      "tr",
      null,
      h("th", { scope: "col" }, "Document"),
      h("th", { scope: "col" }, "Metadata"),
      h("th", { scope: "col", class: "number" }, "Units"),
      h("th", { scope: "col", class: "added" }, "Added"),
      h("th", null, h("span", { class: "unseen" }, "Delete")),
    );
    replace(
      this._documents,
      h(
        "div",
        { class: "table-frame" },
        h(
          "table",
          { class: "document-table" },
          h("thead", null, head),
          h(
            "tbody",
            null,
            page.items.map((/** @type {any} */ one) => this._row(one)),
          ),
        ),
      ),
      this._pager(page),
    );
  }

  /** @param {any} one */
  _row(one) {
    const known = Object.entries(one.metadata ?? {}).map(([name, value]) =>
      h(
        "span",
        { class: "tag" },
        `${name} `,
        h("b", null, Array.isArray(value) ? value.join(", ") : String(value)),
      ),
    );
    const away = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": `Delete ${titleOf(one)}`,
        onclick: () => this._delete(one),
      },
      icon("trash"),
    );
    return h(
      "tr",
      null,
      h(
        "th",
        { scope: "row" },
        h("span", { class: "document-title", dir: "auto" }, titleOf(one)),
        h("span", { class: "quiet small document-id" }, one.doc_id),
      ),
      h("td", null, h("div", { class: "tags" }, known)),
      h("td", { class: "number" }, count(one.n_units)),
      h("td", { class: "quiet small added" }, moment(one.created_at)),
      h("td", { class: "tools" }, away),
    );
  }

  /** @param {any} page */
  _pager(page) {
    const turn = (/** @type {() => void} */ how) => () => {
      how();
      this._refresh();
    };
    const back = h(
      "button",
      {
        type: "button",
        class: "button is-small is-quiet",
        disabled: this._cursors.length === 1,
        onclick: turn(() => this._cursors.pop()),
      },
      "Previous",
    );
    const on = h(
      "button",
      {
        type: "button",
        class: "button is-small is-quiet",
        disabled: !page.next_cursor,
        onclick: turn(() => this._cursors.push(page.next_cursor)),
      },
      "Next",
    );
    return this._cursors.length > 1 || page.next_cursor
      ? h(
          "nav",
          { class: "pager", "aria-label": "Pages of documents" },
          back,
          h("span", { class: "quiet small" }, `Page ${this._cursors.length}`),
          on,
        )
      : null;
  }

  /** @param {any} one */
  async _delete(one) {
    const body = h(
      "p",
      null,
      "It is no longer found by any search, and its ",
      plural(one.n_units, "unit"),
      " are removed. Other documents stay.",
    );
    if (!(await ask({ title: `Delete ${titleOf(one)}?`, body, confirm: "Delete", danger: true })))
      return;
    try {
      await call(inside(this._place, "documents", one.doc_id), { method: "DELETE", once: true });
      toast(`${titleOf(one)} is deleted.`);
      await this._refresh();
    } catch (error) {
      toastError(error);
    }
  }
}
