/** A filter as rows of field, operator and value, or as the JSON that they make. */

import { h, icon, replace } from "../dom.js";

const OPERATORS = /** @type {[string, string][]} */ ([
  ["$eq", "is"],
  ["$ne", "is not"],
  ["$gte", "at least"],
  ["$lte", "at most"],
  ["$gt", "more than"],
  ["$lt", "less than"],
  ["$in", "is one of"],
  ["$nin", "is none of"],
  ["$exists", "is there"],
]);
const KNOWN = new Set(OPERATORS.map(([name]) => name));

/** @typedef {{field: string, operator: string, value: string}} Condition */

/** @param {string} text @returns {any} a number, truth value or null where it is written as one; quotes keep it a text */
export function valueOf(text) {
  const trimmed = text.trim();
  if (/^".*"$/.test(trimmed)) return trimmed.slice(1, -1);
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed)) return Number(trimmed);
  return { true: true, false: false, null: null }[trimmed] ?? (trimmed === "null" ? null : trimmed);
}

/** @param {any} value */
function textOf(value) {
  return typeof value === "string" && valueOf(value) !== value ? `"${value}"` : String(value);
}

/** @param {Condition[]} conditions @returns {any} the filter, null for none */
export function filterOf(conditions) {
  const made = conditions
    .filter(({ field }) => field.trim())
    .map(({ field, operator, value }) => ({
      [field.trim()]: { [operator]: operand(operator, value) },
    }));
  if (!made.length) return null;
  return made.length === 1 ? made[0] : { $and: made };
}

/** @param {string} operator @param {string} value */
function operand(operator, value) {
  if (operator === "$exists") return value.trim() !== "false";
  return operator.endsWith("in") ? value.split(",").map(valueOf) : valueOf(value);
}

/** @param {any} filter @returns {Condition[] | null} its rows, null where rows cannot say it */
export function conditionsOf(filter) {
  if (filter === null || filter === undefined) return [];
  if (typeof filter !== "object" || Array.isArray(filter)) return null;
  const found = Object.entries(filter).map(([field, given]) => {
    if (field === "$and" && Array.isArray(given)) return joined(given.map(conditionsOf));
    return field.startsWith("$") ? null : ofField(field, given);
  });
  return joined(found);
}

/** @param {(Condition[] | null)[]} lists */
function joined(lists) {
  return lists.includes(null) ? null : /** @type {Condition[]} */ (lists.flat());
}

/** @param {string} field @param {any} given @returns {Condition[] | null} */
function ofField(field, given) {
  if (given === null || typeof given !== "object")
    return [{ field, operator: "$eq", value: textOf(given) }];
  const pairs = Object.entries(given);
  if (Array.isArray(given) || pairs.some(([operator]) => !KNOWN.has(operator))) return null;
  return pairs.map(([operator, value]) => ({
    field,
    operator,
    value: Array.isArray(value) ? value.map(textOf).join(", ") : textOf(value),
  }));
}

export class FilterBuilder {
  /** @param {any} filter @param {() => void} changed */
  constructor(filter, changed) {
    this._changed = changed;
    this._rows = h("div", { class: "filter-rows" });
    this._json = h("textarea", {
      class: "input code",
      rows: "3",
      spellcheck: "false",
      "aria-label": "Filter as JSON",
      placeholder: '{"year": {"$gte": 2023}}',
      oninput: () => this._fromJson(),
    });
    this._wrong = h("p", { class: "wrong small", role: "alert" });
    this.element = h(
      "div",
      { class: "filters" },
      this._rows,
      h(
        "button",
        {
          type: "button",
          class: "button is-quiet is-small",
          onclick: () => this._add({ field: "", operator: "$eq", value: "" }, true),
        },
        icon("plus"),
        "Condition",
      ),
      h(
        "details",
        { class: "filter-json", open: conditionsOf(filter) === null },
        h("summary", null, "As JSON"),
        this._json,
        this._wrong,
      ),
    );
    this.set(filter);
  }

  /** @param {any} filter */
  set(filter) {
    this.filter = filter ?? null;
    this._json.value = this.filter
      ? JSON.stringify(this.filter, null, 1).replace(/\n\s*/g, " ")
      : "";
    this._drawRows();
  }

  _drawRows() {
    const conditions = conditionsOf(this.filter);
    replace(
      this._rows,
      conditions
        ? null
        : h("p", { class: "quiet small" }, "Rows cannot say this filter; edit it as JSON."),
    );
    for (const one of conditions ?? []) this._add(one);
  }

  /** @param {Condition} given @param {boolean} [focus] */
  _add(given, focus = false) {
    if (focus && !conditionsOf(this.filter)) return;
    const changed = () => this._fromRows();
    const field = h("input", {
      class: "input",
      value: given.field,
      placeholder: "field",
      "aria-label": "Field",
      "data-part": "field",
      spellcheck: "false",
      oninput: changed,
    });
    const operator = h(
      "select",
      { class: "input", "aria-label": "Operator", "data-part": "operator", onchange: changed },
      OPERATORS.map(([name, label]) =>
        h("option", { value: name, selected: name === given.operator }, label),
      ),
    );
    const value = h("input", {
      class: "input",
      value: given.value,
      placeholder: "value",
      "aria-label": "Value",
      "data-part": "value",
      oninput: changed,
    });
    const away = h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Remove this condition" },
      icon("close"),
    );
    const row = h("div", { class: "filter-row" }, field, operator, value, away);
    away.addEventListener("click", () => {
      row.remove();
      changed();
    });
    this._rows.append(row);
    if (focus) field.focus();
  }

  _fromRows() {
    const conditions = [...this._rows.querySelectorAll(".filter-row")].map((row) => {
      const part = (/** @type {string} */ name) =>
        /** @type {HTMLInputElement} */ (row.querySelector(`[data-part=${name}]`)).value;
      return { field: part("field"), operator: part("operator"), value: part("value") };
    });
    this.filter = filterOf(conditions);
    this._json.value = this.filter ? JSON.stringify(this.filter) : "";
    this._changed();
  }

  _fromJson() {
    try {
      this.filter = this._json.value.trim() ? JSON.parse(this._json.value) : null;
      replace(this._wrong);
      this._drawRows();
      this._changed();
    } catch (error) {
      replace(this._wrong, `This is no JSON yet: ${/** @type {Error} */ (error).message}`);
    }
  }
}
