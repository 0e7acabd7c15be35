/** Characters, numbers and places as people read them. */

/**
 * Control characters, line ends but for `\n`, and the marks that reorder a line: a document's text must not
 * rearrange what stands around it. Each becomes one space, so that spans keep fitting.
 */
const UNPRINTABLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
const SURROGATE = /[\ud800-\udfff]/;

/** @param {string} text */
export function printable(text) {
  return text.replace(UNPRINTABLE, " ");
}

/** A text that is cut by code points, as spans count them. */
export class Characters {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.units = SURROGATE.test(text) ? Array.from(text) : null;
    this.length = this.units ? this.units.length : text.length;
  }

  /** @param {number} start @param {number} end */
  slice(start, end) {
    return this.units ? this.units.slice(start, end).join("") : this.text.slice(start, end);
  }
}

/** @param {number} value @param {number} [digits] */
export function figure(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(digits).replace(/^-/, "−");
}

/** @param {number} value */
export function signed(value, digits = 3) {
  return value > 0 ? `+${figure(value, digits)}` : figure(value, digits);
}

const WHOLE = new Intl.NumberFormat("en");

/** @param {number} value */
export function count(value) {
  return WHOLE.format(value ?? 0);
}

/** @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** @param {number} n */
export function bytes(n) {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < names.length - 1) [n, at] = [n / 1000, at + 1];
  return `${at && n < 10 ? n.toFixed(1) : Math.round(n)} ${names[at]}`;
}

/** @param {number} share */
export function percent(share) {
  const value = share * 100;
  return `${value && value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)} %`;
}

/** @param {number} ms */
export function milliseconds(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${figure(ms, ms < 10 ? 1 : 0)} ms`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {number} seconds since 1970 */
export function moment(seconds) {
  if (!seconds) return "";
  return new Date(seconds * 1000).toLocaleString("en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
  });
}

/** @param {string} path */
export function baseName(path) {
  return path.split(/[\\/]/).pop() || path;
}

/** @param {{title?: string, source?: string, doc_id: string}} one */
export function titleOf(one) {
  return one.title?.trim() || baseName(one.source ?? "") || one.doc_id;
}

/** @param {any} locator a locator's JSON @param {string} [kind] of the unit */
export function placeOf(locator, kind = "") {
  const parts = [...(locator.part ?? [])];
  if (locator.page) parts.push(`page ${locator.page}`);
  if (locator.cells) parts.push(cellsOf(locator.cells));
  if (locator.time) {
    const times = [locator.time, ...(locator.again ?? [])];
    parts.push(times.map(([a, b]) => `${clock(a)}–${clock(Math.ceil(b))}`).join(", "));
  }
  if (!parts.length && locator.span && kind === "passage") {
    parts.push(`characters ${count(locator.span[0])}–${count(locator.span[1])}`);
  }
  return parts.join(" · ");
}

/** @param {any} cells */
function cellsOf(cells) {
  const at = (/** @type {number} */ row, /** @type {number} */ column) =>
    `${letters(column)}${row}`;
  const [first, last] = [
    at(cells.first_row, cells.first_column),
    at(cells.last_row, cells.last_column),
  ];
  const range = first === last ? first : `${first}:${last}`;
  return cells.table ? `${cells.table} ${range}` : range;
}

/** @param {number} column from 1 */
function letters(column) {
  let name = "";
  for (let n = column; n > 0; n = Math.floor((n - 1) / 26))
    name = String.fromCharCode(65 + ((n - 1) % 26)) + name;
  return name;
}

/**
 * What a piece of evidence found: the document's words, or what is seen there in brackets.
 * @param {{text: string, seen?: string}} item
 */
export function foundIn(item) {
  return item.text || (item.seen ? `[${item.seen}]` : "");
}
