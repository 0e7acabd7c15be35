/** What stands around every view: the name, where one can go, the theme, the key. */

import { key } from "./api.js";
import { ask } from "./components/dialog.js";
import { toastBusy, toastError } from "./components/notice.js";
import { h, icon, replace } from "./dom.js";
import { link } from "./router.js";
import { forgetCollections, whoami } from "./session.js";

const THEME = "latelight.theme";
const PLACES = /** @type {[string, string, any][]} */ ([
  ["search", "Search", "search"],
  ["library", "Library", "library"],
  ["compare", "Compare", "compare"],
  ["evaluations", "Evaluations", "chart"],
  ["releases", "Releases", "release"],
]);
const SHOWN_AS = /** @type {Record<string, string>} */ ({ evidence: "search", similar: "search" });

/** @param {HTMLElement} main @param {() => void} again shows the present view anew */
export function frame(main, again) {
  setTheme(localStorage.getItem(THEME) ?? "auto");
  const keyButton = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Key",
      title: "Key",
      onclick: () => askForKey(again),
    },
    icon("key"),
  );
  keyButton.hidden = true;
  window.addEventListener("latelight:key", () => askForKey(again));
  window.addEventListener("latelight:busy", (event) =>
    toastBusy(/** @type {CustomEvent} */ (event).detail),
  );
  greet(keyButton);
  const nav = h(
    "nav",
    { class: "nav", "aria-label": "Views" },
    PLACES.map(([name, label, sign]) =>
      h("a", { href: link([name]), "data-name": name }, icon(sign), h("span", null, label)),
    ),
  );
  const top = h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: link(["search"]) }, mark(), "Latelight"),
    nav,
    h("div", { class: "top-tools" }, keyButton, themeButton()),
  );
  return {
    skip: h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (/** @type {Event} */ event) => {
          event.preventDefault();
          main.focus();
        },
      },
      "Skip to the content",
    ),
    top,
    foot: h("div", { class: "nav-room", "aria-hidden": "true" }),
    /** @param {import("./router.js").Route} route */
    shown: (route) => markPlace(nav, SHOWN_AS[route.name] ?? route.name),
  };
}

function mark() {
  return h(
    "span",
    { class: "mark", "aria-hidden": "true" },
    h("i", null),
    h("i", null),
    h("i", null),
  );
}

/** @param {HTMLElement} nav @param {string} name */
function markPlace(nav, name) {
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (nav.querySelectorAll("a"))) {
    if (one.dataset.name === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  const label = PLACES.find(([one]) => one === name)?.[1];
  document.title = label ? `${label} · Latelight` : "Latelight";
}

/** @param {HTMLElement} keyButton */
async function greet(keyButton) {
  try {
    keyButton.hidden = Boolean((await whoami()).open);
  } catch {
    keyButton.hidden = false;
  }
}

function themeButton() {
  const button = h("button", {
    type: "button",
    class: "icon-button",
    onclick: () => switched(button),
  });
  labelTheme(button);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => labelTheme(button));
  return button;
}

/** @param {HTMLElement} button */
function switched(button) {
  const next = isDark() ? "light" : "dark";
  localStorage.setItem(THEME, next);
  setTheme(next);
  labelTheme(button);
}

/** @param {HTMLElement} button */
function labelTheme(button) {
  const label = isDark() ? "Light theme" : "Dark theme";
  button.setAttribute("aria-label", label);
  button.title = label;
  replace(button, icon(isDark() ? "sun" : "moon"));
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return (
    chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches)
  );
}

/** @param {string} theme */
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** @param {() => void} again */
async function askForKey(again) {
  const field = h("input", {
    type: "password",
    class: "input",
    autocomplete: "off",
    spellcheck: "false",
    value: key.get(),
    "aria-label": "Key",
    placeholder: "ll_…",
  });
  const body = [
    field,
    h(
      "p",
      { class: "quiet small" },
      "It is kept until this tab is closed. Make one with ",
      h("code", null, "latelight keys create"),
      ".",
    ),
  ];
  if (!(await ask({ title: "Key", body, confirm: "Use this key" }))) return;
  key.set(field.value.trim());
  forgetCollections();
  try {
    await whoami();
  } catch (error) {
    toastError(error);
  }
  again();
}
