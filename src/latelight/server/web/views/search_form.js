/** The box, the collection, the filter and the options of a search. */

import { FilterBuilder } from "../components/filters.js";
import { h, icon, replace } from "../dom.js";
import { keepPicture, pictureHere } from "../kept.js";
import { nameOf, placeNamed } from "../session.js";
import { plural } from "../text.js";

/**
 * @typedef {{doc_id: string, unit_id: string, box: number[] | null}} Like
 * @typedef {{place: import("../api.js").Place | null, text: string, k: number, mode: string, recall: string, group: string, exact: boolean, profile: boolean, filter: any, picture: string, like: Like | null}} Given
 */

const MODES = [
  ["auto", "Automatic"],
  ["hybrid", "MaxSim and BM25"],
  ["maxsim", "MaxSim alone"],
  ["bm25", "BM25 alone"],
];
const RECALLS = [
  ["fast", "Fast"],
  ["balanced", "Balanced"],
  ["best", "Best"],
];
const LAST = "latelight.collection";

/** @param {import("../router.js").Route} route @param {import("../session.js").Collection[]} known @returns {Given} */
export function defaultsOf(route, known) {
  const { query } = route;
  const get = (/** @type {string} */ name, other = "") => query.get(name) ?? other;
  const named = get("c") || localStorage.getItem(LAST) || "";
  const there = known.some((one) => nameOf(one) === named);
  const place = placeNamed(there || query.has("c") ? named : known[0] ? nameOf(known[0]) : "");
  const like =
    route.name === "similar"
      ? {
          doc_id: get("doc"),
          unit_id: get("unit"),
          box: get("box") ? get("box").split(",").map(Number) : null,
        }
      : null;
  return {
    place,
    text: like ? "" : get("q"),
    k: Number(get("k", "10")) || 10,
    mode: get("mode", "auto"),
    recall: get("recall", "balanced"),
    group: get("group"),
    exact: query.has("exact"),
    profile: query.has("profile"),
    filter: jsonOf(get("filter")),
    picture: like ? "" : get("picture"),
    like,
  };
}

/** @param {string} text */
function jsonOf(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** @param {Given} given @returns {any} the body of the request, null when there is nothing to search for */
export function requestOf(given) {
  const shared = {
    k: given.k,
    filter: given.filter ?? {},
    group_by: given.group || null,
    explain: true,
  };
  if (!given.place) return null;
  if (given.like)
    return {
      doc_id: given.like.doc_id,
      unit_id: given.like.unit_id,
      ...(given.like.box ? { box: given.like.box } : {}),
      ...shared,
    };
  const options = {
    ...shared,
    mode: given.mode,
    recall: given.recall,
    exact: given.exact,
    profile: given.profile,
  };
  if (given.picture) return options;
  return given.text.trim() ? { text: given.text, ...options } : null;
}

export class SearchForm {
  /** @param {Given} given @param {import("../session.js").Collection[]} known @param {(next: Given) => void} search */
  constructor(given, known, search) {
    this._given = given;
    this._search = search;
    this._box = h("input", {
      type: "search",
      class: "search-box",
      name: "q",
      value: given.text,
      placeholder: given.like ? "Search for something else" : "What are you looking for?",
      "aria-label": "Search",
      autocomplete: "off",
      enterkeyhint: "search",
    });
    this._filter = new FilterBuilder(given.filter, () => this._count());
    this._counted = h("span", { class: "badge" });
    this._picked = this._picker(known);
    this.element = h(
      "form",
      {
        class: "search-form",
        role: "search",
        onsubmit: (/** @type {Event} */ event) => this._submit(event),
      },
      this._row(),
      this._pictureLine(),
      this._options(),
    );
    this._listen();
    this._count();
    if (!given.text && !given.like && !given.picture && matchMedia("(hover: hover)").matches)
      requestAnimationFrame(() => this._box.focus({ preventScroll: true }));
  }

  focus() {
    this._box.focus({ preventScroll: true });
  }

  _row() {
    const file = h("input", {
      type: "file",
      accept: "image/*",
      class: "unseen",
      tabindex: "-1",
      "aria-hidden": "true",
      onchange: () => file.files?.[0] && this._searchPicture(file.files[0]),
    });
    const picture = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Search with a picture",
        title: "Search with a picture: choose, drop or paste one",
        onclick: () => file.click(),
      },
      icon("image"),
    );
    return h(
      "div",
      { class: "search-row" },
      this._picked,
      h("div", { class: "search-field" }, icon("search"), this._box, picture, file),
      h("button", { type: "submit", class: "button is-primary" }, "Search"),
    );
  }

  /** @param {import("../session.js").Collection[]} known */
  _picker(known) {
    const several = new Set(known.map((one) => one.namespace)).size > 1;
    const chosen = this._given.place
      ? `${this._given.place.namespace}/${this._given.place.collection}`
      : "";
    const options = known.map((one) =>
      h(
        "option",
        { value: nameOf(one), selected: nameOf(one) === chosen },
        several ? nameOf(one) : one.name,
      ),
    );
    if (!known.some((one) => nameOf(one) === chosen))
      options.push(h("option", { value: chosen, selected: true }, chosen));
    return h(
      "select",
      { class: "input picker", "aria-label": "Collection", onchange: () => this._go({}) },
      options,
    );
  }

  _pictureLine() {
    const away = h(
      "button",
      {
        type: "button",
        class: "button is-quiet is-small",
        onclick: () => this._search({ ...this._given, picture: "", like: null }),
      },
      "Clear",
    );
    if (this._given.like)
      return h(
        "p",
        { class: "searching-with" },
        this._given.like.box ? "Like the marked region of " : "Like ",
        h("strong", null, `${this._given.like.doc_id} · ${this._given.like.unit_id}`),
        away,
      );
    if (!this._given.picture) return null;
    const picture = pictureHere(this._given.picture);
    const name = picture?.name || this._given.picture.replace(/-\d+$/, "");
    return h(
      "p",
      { class: "searching-with" },
      picture
        ? h("img", {
            class: "query-picture",
            alt: "The picture that is searched with",
            src: URL.createObjectURL(picture),
          })
        : null,
      h("strong", null, name),
      h("span", { class: "quiet small" }, "Stays in this browser; its link works here, for a day."),
      away,
    );
  }

  _options() {
    const choice = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {string[][]} */ values,
      /** @type {string} */ now,
    ) =>
      h(
        "label",
        { class: "field" },
        h("span", null, label),
        h(
          "select",
          { class: "input", name },
          values.map(([value, text]) => h("option", { value, selected: value === now }, text)),
        ),
      );
    const tick = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {boolean} */ now,
    ) => h("label", { class: "tick" }, h("input", { type: "checkbox", name, checked: now }), label);
    const { mode, recall, group, k, exact, profile } = this._given;
    const changed =
      this._given.filter ||
      mode !== "auto" ||
      recall !== "balanced" ||
      group ||
      k !== 10 ||
      exact ||
      profile;
    return h(
      "details",
      { class: "options", open: Boolean(changed) },
      h("summary", null, icon("sliders"), "Filter and options", this._counted),
      h(
        "div",
        { class: "options-body" },
        h("div", { class: "option-group" }, h("h3", null, "Filter"), this._filter.element),
        h(
          "div",
          { class: "option-group" },
          h("h3", null, "Options"),
          h(
            "div",
            { class: "option-fields" },
            choice("mode", "Rank by", MODES, mode),
            choice("recall", "Effort", RECALLS, recall),
            choice(
              "group",
              "Group",
              [
                ["", "Every unit"],
                ["document", "Best of each document"],
              ],
              group,
            ),
            h(
              "label",
              { class: "field" },
              h("span", null, "Hits"),
              h("input", {
                class: "input",
                type: "number",
                name: "k",
                min: "1",
                max: "200",
                value: String(k),
              }),
            ),
          ),
          h(
            "div",
            { class: "ticks" },
            tick("exact", "Score everything", exact),
            tick("profile", "Tell the stages", profile),
          ),
        ),
      ),
    );
  }

  _listen() {
    this.element.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("is-target");
    });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("is-target"));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.element.classList.remove("is-target");
      this._takePicture(event.dataTransfer);
    });
    this.element.addEventListener("paste", (event) =>
      this._takePicture(/** @type {ClipboardEvent} */ (event).clipboardData, event),
    );
  }

  /** @param {DataTransfer | null} carried @param {Event} [event] */
  _takePicture(carried, event) {
    const picture = [...(carried?.files ?? [])].find((file) => file.type.startsWith("image/"));
    if (!picture) return;
    event?.preventDefault();
    this._searchPicture(picture);
  }

  /** @param {File} picture */
  _searchPicture(picture) {
    this._go({ picture: keepPicture(picture), like: null, text: "" });
  }

  _count() {
    const n = this._filter.filter ? Object.keys(this._filter.filter).length : 0;
    replace(this._counted, n ? plural(n, "filter") : "");
    this._counted.hidden = !n;
  }

  /** @param {Event} event */
  _submit(event) {
    event.preventDefault();
    if (this._given.picture && !this._box.value.trim()) return this._go({});
    return this._go({ picture: "", like: null });
  }

  /** @param {Partial<Given>} changes */
  _go(changes) {
    const told = new FormData(this.element);
    const text = (/** @type {string} */ name) => String(told.get(name) ?? "");
    localStorage.setItem(LAST, this._picked.value);
    this._search({
      ...this._given,
      place: placeNamed(this._picked.value),
      text: this._box.value,
      filter: this._filter.filter,
      mode: text("mode"),
      recall: text("recall"),
      group: text("group"),
      k: Math.min(Math.max(Number(text("k")) || 10, 1), 200),
      exact: told.has("exact"),
      profile: told.has("profile"),
      ...changes,
    });
  }
}
