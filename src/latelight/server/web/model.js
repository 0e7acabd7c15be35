/**
 * An explanation as the page needs it: the query's words with what they brought, the places of the unit's
 * rows, and the light that any selection of evidence throws on them. Pure: no element, no request.
 *
 * The light follows the server's own heat maps: the winner of a query token has its contribution, rows that
 * nearly won glow with half the square of how near they came.
 *
 * @typedef {{token: string, query_span: [number, number] | null, kind: string, similarity: number, contribution: number, locators: any[], text: string, seen?: string, row: number, signal: "maxsim" | "bm25", space: string, part: "unit" | "window" | "document", query_row: number}} Evidence
 * @typedef {{space: string, tokens: any[], places: any[], similarities: number[][]}} Rows a place for each source of each
 *     row (`row` says which), and the query tokens' similarities by place
 * @typedef {{box: number[] | null, span: number[] | null, time: number[] | null}} Spot
 * @typedef {{text: string, kind: string, telling: boolean, colour: number, contribution: number, similarity: number, items: Evidence[]}} Word
 * @typedef {{light: Float64Array, won: Float64Array, peak: number}} Light
 * @typedef {{word: Word, token: string, similarity: number, won: number}} Here
 */

import { Characters } from "./text.js";

export const GLOW = 0.5;
const FLOOR = 0.7;
const TIE = 1e-3;
const OUTLINED = 0.25;
export const N_COLOURS = 8;

const FUNCTION_WORDS = new Set(
  (
    "a about above after again against all am an and any are as at be because been before being below between both but " +
    "by can could did do does doing done down during each for from further had has have having he her here him his how i " +
    "if in into is it its just may me might more most must my no not now of off on once only or other our out over own " +
    "same shall she should so some such than that the their them then there these they this those through to too under " +
    "until up very was we were what when where which while who whom whose why will with would you your"
  ).split(" "),
);
const WORD = /[\p{L}\p{N}\p{M}]+(?:[&'’.,/@-][\p{L}\p{N}\p{M}]+)*|[^\p{L}\p{N}\p{M}\s]+/gu;

/** @param {string} text @returns {[number, number][]} code points of words and runs of punctuation */
export function wordSpans(text) {
  const found = [];
  for (const match of text.matchAll(WORD)) {
    const start = [...text.slice(0, match.index)].length;
    found.push(/** @type {[number, number]} */ ([start, start + [...match[0]].length]));
  }
  return found;
}

/** @param {Evidence} item whether its token has a meaning of its own */
export function isTelling(item) {
  const word = item.token.trim().toLowerCase();
  return (
    (item.kind === "token" || item.kind === "patch") &&
    /[\p{L}\p{N}]/u.test(word) &&
    !FUNCTION_WORDS.has(word)
  );
}

/** @param {Evidence[]} evidence @param {string} query @returns {Word[]} in reading order, then markers, then expansion; contributions add up to the score */
export function wordsOf(evidence, query) {
  const spans = wordSpans(query);
  const characters = new Characters(query);
  /** @type {Map<string, {order: number, text: string, items: Evidence[]}>} */
  const groups = new Map();
  for (const item of evidence) {
    const group = groupOf(item, spans, characters);
    const known = groups.get(group.key);
    if (known) known.items.push(item);
    else groups.set(group.key, { ...group, items: [item] });
  }
  const sorted = [...groups.values()].sort((a, b) => a.order - b.order);
  let colour = 0;
  return sorted.map(({ text, items }) => {
    const telling = items.some(isTelling);
    const plain = items[0].kind === "token" || items[0].kind === "patch";
    return {
      text,
      kind: items[0].kind,
      telling,
      colour: plain && telling ? colour++ % N_COLOURS : -1,
      contribution: items.reduce((sum, item) => sum + item.contribution, 0),
      similarity: Math.max(
        0,
        ...items.filter((item) => item.signal === "maxsim").map((item) => item.similarity),
      ),
      items,
    };
  });
}

/** @param {Evidence} item @param {[number, number][]} spans @param {Characters} query */
function groupOf(item, spans, query) {
  const at = item.query_span;
  if (at) {
    const span = spans.find(([start, end]) => start <= at[0] && at[0] < end) ?? at;
    return {
      key: `at ${span[0]}`,
      order: span[0],
      text: query.slice(span[0], span[1]) || item.token,
    };
  }
  if (item.kind === "expansion") return { key: "expansion", order: 2e9, text: "expansion" };
  const patch = item.kind === "patch";
  return {
    key: `${item.kind} ${item.token}`,
    order: patch ? 1e9 + item.query_row : 1.5e9,
    text: item.token,
  };
}

/** Everything about one explained hit. */
export class Model {
  /** @param {{query: string, hit: any, rows?: Rows[]}} explanation `rows` is missing where only winners are known */
  constructor({ query, hit, rows = [] }) {
    this.query = query;
    this.hit = hit;
    /** @type {Evidence[]} */
    this.evidence = hit.evidence;
    this.words = wordsOf(this.evidence, query);
    this.text = new Characters(hit.text ?? "");
    this.rows = rows;
    /** @type {Spot[]} */
    this.spots = [];
    this._numbers = new Map();
    this._spotOf = new Map(
      rows.map((one) => [one.space, one.places.map((place) => this._number(place))]),
    );
    this._won = new Map(this.evidence.map((item) => [item, this._spotsWon(item)]));
    this._glows = new Map();
    this.whole = lightOf(
      this,
      this.evidence.filter((item) => item.kind !== "marker"),
      false,
    );
  }

  /** @param {any} place a locator or a row's place @returns {number} number of its spot, -1 when it says no place within the unit */
  _number(place) {
    const spot = this._relative(place);
    if (!spot.box && !spot.span && !spot.time) return -1;
    const name = JSON.stringify(spot.box ?? spot.span ?? spot.time);
    const known = this._numbers.get(name);
    if (known !== undefined) {
      this.spots[known].span = joined(this.spots[known].span, spot.span);
      return known;
    }
    this._numbers.set(name, this.spots.length);
    return this.spots.push(spot) - 1;
  }

  /** @param {any} place @returns {Spot} spans count from the unit's beginning; what covers the whole unit says nothing */
  _relative(place) {
    const at = this.hit.locator;
    const start = at.span?.[0] ?? 0;
    const same = (/** @type {any} */ a, /** @type {any} */ b) =>
      a && b && a[0] === b[0] && a[1] === b[1];
    const span =
      place.span && !same(place.span, at.span)
        ? place.span.map((/** @type {number} */ one) => one - start)
        : null;
    return {
      box: place.box ?? null,
      span,
      time: same(place.time, at.time) ? null : (place.time ?? null),
    };
  }

  /** @param {Evidence} item @returns {number[]} spots where it won; none for what lies in another unit */
  _spotsWon(item) {
    if (item.part === "document") return [];
    return [...new Set(item.locators.map((place) => this._number(place)))].filter(
      (one) => one >= 0,
    );
  }

  /** @param {Evidence} item */
  spotsWon(item) {
    return this._won.get(item) ?? [];
  }

  /** @param {Evidence} item @returns {Rows | undefined} */
  rowsOf(item) {
    return item.signal === "maxsim" ? this.rows.find((one) => one.space === item.space) : undefined;
  }

  /** @param {Evidence} item @returns {Float64Array} how much each spot glows for it, 0 to 0.5 */
  glow(item) {
    const known = this._glows.get(item);
    if (known) return known;
    const glow = this._glow(item);
    this._glows.set(item, glow);
    return glow;
  }

  /** @param {Evidence} item */
  _glow(item) {
    const glow = new Float64Array(this.spots.length);
    const rows = this.rowsOf(item);
    if (!rows || item.row < 0) return glow;
    const similarities = rows.similarities[item.query_row] ?? [];
    const typical = median(similarities);
    const best =
      item.part === "window" ? similarities[placeOfRow(rows, item.row)] : Math.max(...similarities);
    const spotOf = this._spotOf.get(rows.space) ?? [];
    const outside = Math.min(typical, best - TIE);
    similarities.forEach((similarity, at) => {
      const counts = similarity > best ? outside : similarity;
      const closeness = (counts - typical) / Math.max(best - typical, 1e-6);
      const value = GLOW * Math.min(Math.max((closeness - FLOOR) / (1 - FLOOR), 0), 1) ** 2;
      if (spotOf[at] >= 0 && value > glow[spotOf[at]]) glow[spotOf[at]] = value;
    });
    return glow;
  }

  /** @param {Evidence[] | null} items of one token or word; null for the whole query @returns {Light} */
  light(items) {
    return items ? lightOf(this, items, true) : this.whole;
  }

  /**
   * @param {number} spot
   * @returns {Here[]} the words that won here, the strongest first; then those that come nearest
   */
  here(spot) {
    const found = this.words.flatMap((word) => {
      const own = word.items.filter((item) => item.part !== "document");
      const won = own.reduce(
        (sum, item) =>
          sum + (this.spotsWon(item).includes(spot) ? item.contribution / item.locators.length : 0),
        0,
      );
      const near = own.map((item) => ({
        word,
        token: item.token,
        won,
        similarity: this.similarityAt(item, spot),
      }));
      const best = near.sort((a, b) => b.similarity - a.similarity)[0];
      return best && Number.isFinite(best.similarity)
        ? [best]
        : won
          ? [{ word, token: word.text, won, similarity: NaN }]
          : [];
    });
    return found.sort((a, b) => b.won - a.won || b.similarity - a.similarity);
  }

  /** @param {Evidence} item @param {number} spot @returns {number} the best of the rows there, minus infinity without rows */
  similarityAt(item, spot) {
    const rows = this.rowsOf(item);
    if (!rows) return -Infinity;
    let best = -Infinity;
    const similarities = rows.similarities[item.query_row] ?? [];
    (this._spotOf.get(rows.space) ?? []).forEach(
      (/** @type {number} */ one, /** @type {number} */ row) => {
        if (one === spot && similarities[row] > best) best = similarities[row];
      },
    );
    return best;
  }

  /** @param {Light} light @returns {number[]} spots worth an outline, the strongest first */
  outlined(light) {
    const strongest = Math.max(0, ...light.won);
    if (!strongest) return [];
    const spots = this.spots
      .map((_, spot) => spot)
      .filter((spot) => light.won[spot] >= OUTLINED * strongest);
    return spots.sort((a, b) => light.won[b] - light.won[a]);
  }

  /** @param {number} x 0–1 @param {number} y 0–1 @returns {number} the smallest box there, -1 for none */
  spotAt(x, y) {
    let found = -1;
    let least = Infinity;
    this.spots.forEach(({ box }, spot) => {
      if (
        !box ||
        x < box[0] - 0.002 ||
        x > box[2] + 0.002 ||
        y < box[1] - 0.003 ||
        y > box[3] + 0.003
      )
        return;
      const area = (box[2] - box[0]) * (box[3] - box[1]);
      if (area < least) [found, least] = [spot, area];
    });
    return found;
  }

  /** @returns {{name: string, value: number}[]} the score by signal and space */
  bySignal() {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const item of this.evidence) {
      const name =
        item.signal === "bm25"
          ? "BM25"
          : `MaxSim${item.space && this.rows.length > 1 ? ` ${item.space}` : ""}`;
      sums.set(name, (sums.get(name) ?? 0) + item.contribution);
    }
    return [...sums].map(([name, value]) => ({ name, value }));
  }

  /** @returns {number} what all evidence adds up to */
  get sum() {
    return this.evidence.reduce((sum, item) => sum + item.contribution, 0);
  }
}

/**
 * @param {Model} model @param {Evidence[]} items @param {boolean} asked whether just these were asked for: then all of them glow and are outlined
 * @returns {Light}
 */
function lightOf(model, items, asked) {
  const won = new Float64Array(model.spots.length);
  const light = new Float64Array(model.spots.length);
  const glow = new Float64Array(model.spots.length);
  for (const item of items) {
    const share = Math.max(item.contribution, 0);
    const each = share / Math.max(item.locators.length, 1);
    const shown = asked || isTelling(item);
    for (const spot of model.spotsWon(item)) {
      light[spot] += each;
      if (shown) won[spot] += each;
    }
    if (shown) brighten(glow, model.glow(item), share);
  }
  brighten(light, glow, 1);
  return { light, won, peak: light.reduce((most, one) => Math.max(most, one), 0) };
}

/** @param {Float64Array} light @param {Float64Array} other @param {number} share of `other`; the brighter one stays */
function brighten(light, other, share) {
  for (let i = 0; i < light.length; i++) light[i] = Math.max(light[i], share * other[i]);
}

/** @param {number[] | null} a @param {number[] | null} b @returns {number[] | null} both, where they touch: pieces of one word share its box */
function joined(a, b) {
  if (!a || !b || b[0] > a[1] || b[1] < a[0]) return a;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

/** @param {Rows} rows @param {number} row @returns {number} the first place of a row */
function placeOfRow(rows, row) {
  const found = rows.places.findIndex((place) => place.row === row);
  return found < 0 ? row : found;
}

/** @param {number[]} values */
function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
