/** Search: a text or a picture, filters, hits; beside them, on wide screens, why the chosen one matched. */

import { ask } from "../asking.js";
import { hitCard } from "../components/hit.js";
import { failed, notice, skeletons } from "../components/notice.js";
import { h, replace } from "../dom.js";
import { recallPicture } from "../kept.js";
import { addressOf, askedText, evidenceLink, likeLink } from "../links.js";
import { go, link } from "../router.js";
import { collections, lastFound, tellUse } from "../session.js";
import { count, figure, milliseconds, plural } from "../text.js";
import { hitPanel } from "./evidence.js";
import { SearchForm, defaultsOf, requestOf } from "./search_form.js";

const WIDE = "(min-width: 1180px)";

class SearchView {
  /** @param {HTMLElement} root @param {import("../router.js").Route} route @param {AbortSignal} signal */
  constructor(root, route, signal) {
    this._signal = signal;
    this._asked = "";
    this._results = h("section", { class: "results", "aria-label": "Hits", "aria-live": "polite" });
    this._panel = h("aside", {
      class: "panel",
      "aria-label": "Why this hit matched",
      hidden: true,
    });
    this._formPlace = h("div", { class: "search-head" });
    root.append(h("div", { class: "search-view" }, this._formPlace, this._results, this._panel));
    this._begin(route);
  }

  /** @param {import("../router.js").Route} route */
  async _begin(route) {
    replace(this._formPlace, skeletons(1, "field"));
    try {
      const known = await collections();
      if (this._signal.aborted) return;
      if (!known.length) return this._nothingYet();
      this._collections = known;
      this._show(route);
    } catch (error) {
      if (!this._signal.aborted)
        replace(
          this._formPlace,
          failed(error, () => this._begin(route)),
        );
    }
  }

  _nothingYet() {
    replace(this._formPlace);
    replace(
      this._results,
      notice(
        "This library is empty",
        h(
          "p",
          null,
          "Add documents: pages, texts, pictures, recordings. They can be searched as soon as the first is in.",
        ),
        h("a", { class: "button is-primary", href: link(["library"]) }, "Add documents"),
      ),
    );
  }

  /** @param {import("../router.js").Route} route */
  update(route) {
    if (!this._collections) return false;
    this._show(route);
    return true;
  }

  /** @param {import("../router.js").Route} route */
  _show(route) {
    const given = defaultsOf(route, this._collections ?? []);
    const asked = addressOf(given);
    this._given = given;
    if (asked !== this._asked) {
      this._asked = asked;
      this._showForm(given);
      this._search(given, asked);
    } else this._choose();
  }

  /** @param {import("./search_form.js").Given} given */
  async _showForm(given) {
    if (given.picture) await recallPicture(given.picture);
    if (given !== this._given) return;
    const typing = this._formPlace.contains(document.activeElement);
    this._form = new SearchForm(given, this._collections ?? [], (next) => go(addressOf(next)));
    replace(this._formPlace, this._form.element);
    if (typing) this._form.focus();
  }

  /** @param {import("./search_form.js").Given} given @param {string} asked */
  async _search(given, asked) {
    this._searching?.abort();
    const searching = (this._searching = new AbortController());
    this._signal.addEventListener("abort", () => searching.abort());
    if (!requestOf(given)) return this._welcome(given);
    const known = lastFound();
    if (known?.address === asked) return this._found(known.answer, given);
    this._panel.hidden = true;
    replace(this._results, skeletons(5, "card"));
    try {
      const answer = await ask(given, searching.signal);
      if (searching.signal.aborted) return;
      this._found(answer, given);
    } catch (error) {
      if (!searching.signal.aborted)
        replace(
          this._results,
          failed(error, () => this._search(given, asked)),
        );
    }
  }

  /** @param {import("./search_form.js").Given} given */
  _welcome(given) {
    this._panel.hidden = true;
    const one = this._collections?.find(
      (each) => each.namespace === given.place?.namespace && each.name === given.place?.collection,
    );
    if (one && !one.n_documents) {
      const there = link(["library", one.namespace, one.name]);
      return replace(
        this._results,
        notice(
          `${one.name} is empty`,
          h("a", { class: "button is-primary", href: there }, "Add documents"),
        ),
      );
    }
    const held = one
      ? `${plural(one.n_documents, "document")}, ${plural(one.n_units, "unit")}, ${count(one.n_rows)} rows.`
      : "";
    return replace(
      this._results,
      h(
        "div",
        { class: "welcome" },
        h("h1", null, "Search that shows its reasons"),
        h(
          "p",
          null,
          "Ask in your own words. Every hit shows which words, patches or moments of it answered which word of yours, from the very rows that ranked it.",
        ),
        h("p", { class: "quiet" }, held),
      ),
    );
  }

  /** @param {any} answer @param {import("./search_form.js").Given} given */
  _found(answer, given) {
    this._answer = answer;
    if (!answer.hits.length) {
      this._panel.hidden = true;
      const why = given.filter
        ? "No document passes the filter and matches. Loosen the filter."
        : "Nothing in this collection matches. Try other words.";
      return replace(this._results, notice("Nothing found", h("p", null, why)));
    }
    const most = Math.max(
      ...answer.hits.map((/** @type {any} */ hit) => Math.max(hit.score, 0)),
      1e-9,
    );
    this._list = h(
      "ol",
      { class: "hits" },
      answer.hits.map((/** @type {any} */ hit) => this._card(hit, given, most)),
    );
    const took = `${plural(answer.hits.length, "hit")} in ${milliseconds(answer.took_ms)}`;
    replace(
      this._results,
      h("h1", { class: "unseen" }, given.text ? `Hits for ${given.text}` : "Hits"),
      h("p", { class: "took quiet small" }, took, given.like ? " · like the chosen one" : ""),
      this._list,
      stagesOf(answer),
    );
    return this._choose();
  }

  /** @param {any} hit @param {import("./search_form.js").Given} given @param {number} most */
  _card(hit, given, most) {
    const place = /** @type {import("../api.js").Place} */ (given.place);
    return hitCard(hit, {
      place,
      query: this._answer?.query ?? given.text,
      most,
      href: evidenceLink(place, hit, given),
      like: likeLink(place, hit),
      chosen: false,
      signal: this._signal,
      onopen: (event) => this._open(event, hit),
    });
  }

  /** @param {MouseEvent} event @param {any} hit beside the list where there is room, else as its own view */
  _open(event, hit) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    tellUse(/** @type {any} */ (this._given).place, this._answer.search_id, hit.doc_id);
    if (!matchMedia(WIDE).matches) return;
    event.preventDefault();
    go(addressOf(/** @type {any} */ (this._given), hit.rank), true);
  }

  _choose() {
    const rank = Number(this._rank());
    const hit = this._answer?.hits.find((/** @type {any} */ one) => one.rank === rank);
    for (const card of this._list?.children ?? [])
      card.classList.toggle(
        "is-chosen",
        Number(/** @type {HTMLElement} */ (card).dataset.rank) === rank,
      );
    this._panel.hidden = !hit;
    this._looking?.abort();
    if (!hit) return replace(this._panel);
    const looking = (this._looking = new AbortController());
    this._signal.addEventListener("abort", () => looking.abort());
    const given = /** @type {import("./search_form.js").Given} */ (this._given);
    const away = () => go(addressOf(given), true);
    replace(
      this._panel,
      hitPanel(hit, {
        place: /** @type {any} */ (given.place),
        query: this._answer.query,
        mode: given.mode,
        asked: askedText(given),
        signal: looking.signal,
        full: evidenceLink(/** @type {any} */ (given.place), hit, given),
        away,
      }),
    );
    return undefined;
  }

  _rank() {
    return new URLSearchParams(location.hash.split("?")[1] ?? "").get("hit");
  }
}

/** @param {any} answer */
function stagesOf(answer) {
  if (!answer.stages) return null;
  const rows = answer.stages.map((/** @type {any} */ one) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, one.name),
      h("td", { class: "number" }, `${figure(one.milliseconds, 2)} ms`),
      h("td", { class: "number" }, count(one.count)),
    ),
  );
  return h(
    "details",
    { class: "stages" },
    h("summary", null, "Stages"),
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("th", null, "Stage"),
          h("th", { class: "number" }, "Time"),
          h("th", { class: "number" }, "Count"),
        ),
      ),
      h("tbody", null, rows),
    ),
  );
}

/** @type {import("../router.js").View} */
export function searchView(root, route, signal) {
  const view = new SearchView(root, route, signal);
  return { update: (next) => view.update(next) };
}
