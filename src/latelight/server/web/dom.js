/**
 * Elements from plain values. Text only ever becomes text nodes: nothing here reads markup.
 *
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Child | Child[] | Child[][] | Child[][][]} Children
 */

import { printable } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
/** Attributes whose value a browser runs or loads; they are set by name in this code alone. */
const LINKS = new Set(["href", "src"]);

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any> | null} [attributes] `class`, ARIA and data attributes, properties such as
 *     `value`, listeners as `onclick`, CSS custom properties under `vars`
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes, ...children) {
  const made = document.createElement(tag);
  return fill(made, attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...Children} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @template {Element} T
 * @param {T} made
 * @param {Record<string, any> | null | undefined} attributes
 * @param {Children[]} children
 * @returns {T}
 */
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(made, name, value);
  append(made, children);
  return made;
}

/** @param {Element} made @param {string} name @param {any} value */
function set(made, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
  else if (name === "vars") setVars(/** @type {HTMLElement} */ (made), value);
  else if (PROPERTIES.has(name)) /** @type {any} */ (made)[name] = value;
  else if (LINKS.has(name)) made.setAttribute(name, safeLink(String(value)));
  else made.setAttribute(name, value === true ? "" : printable(String(value)));
}

const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "open",
  "selected",
  "indeterminate",
  "hidden",
  "multiple",
]);

/** @param {string} link a path of this server, a fragment, or a blob of this page; else nothing */
export function safeLink(link) {
  return /^(#|\/(?!\/)|blob:)/.test(link) ? link : "#";
}

/** @param {HTMLElement | SVGElement} made @param {Record<string, string | number>} vars */
export function setVars(made, vars) {
  for (const [name, value] of Object.entries(vars)) made.style.setProperty(name, String(value));
}

/** @param {Element} parent @param {any[]} children */
function append(parent, children) {
  for (const child of children.flat(4)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(
      child instanceof Node ? child : document.createTextNode(printable(String(child))),
    );
  }
}

/** @param {Element} parent @param {...Children} children */
export function replace(parent, ...children) {
  parent.textContent = "";
  append(parent, children);
}

const PATHS = {
  search: "M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16 16l4.5 4.5",
  library: "M4 5h5v14H4zM9 5h5v14H9zM14.5 6l4.5-1l2.5 13.5l-4.500 1z",
  compare: "M8 4v16M16 4v16M3 8h5M3 12h5M16 8h5M16 14h5M8 8l8 6",
  chart: "M4 20h16M6.500 16v-5M12 16V6M17.500 16v-8",
  release:
    "M5 12a2 2 0 1 0 0 .01M19 6a2 2 0 1 0 0 .01M19 18a2 2 0 1 0 0 .01M7 12h4c3 0 2-6 6-6M11 12c3 0 2 6 6 6",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  key: "M8 11a4 4 0 1 0 0 8a4 4 0 0 0 0-8M11 12l9-9M16 7l3 3M13.500 9.500l2 2",
  image: "M4 5h16v14H4zM4 16l5-5l4 4l3-3l4 4M15.500 9.500v.01",
  sliders: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  left: "M15 5l-7 7l7 7",
  right: "M9 5l7 7l-7 7",
  expand: "M14 4h6v6M10 20H4v-6M20 4l-7 7M4 20l7-7",
  upload: "M12 16V5M7 10l5-5l5 5M4 19h16",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  select: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
};

/** @param {keyof typeof PATHS} name @returns {SVGElement} */
export function icon(name) {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    s("path", { d: PATHS[name] }),
  );
}

/** @template {any[]} A @param {(...given: A) => void} call @param {number} ms @returns {(...given: A) => void} */
export function debounce(call, ms) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => call(...given), ms);
  };
}
