/**
 * Views by the address after `#`, so that each can be linked and reloaded.
 *
 * @typedef {{name: string, parts: string[], query: URLSearchParams}} Route
 * @typedef {{update?: (route: Route) => boolean, leave?: () => void}} Mounted
 * @typedef {(root: HTMLElement, route: Route, signal: AbortSignal) => Mounted | void} View
 */

/** @param {string} hash @returns {Route} */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", ...parts] = path.split("/").map(decoded);
  return { name, parts, query: new URLSearchParams(query) };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {string[]} parts @param {Record<string, any>} [query] values that are empty are left out */
export function link(parts, query = {}) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined && value !== false,
  );
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${parts.map(encodeURIComponent).join("/")}${search}`;
}

/** @param {string} where @param {boolean} [inPlace] without a step in the history */
export function go(where, inPlace = false) {
  if (where === location.hash) return;
  if (inPlace) {
    history.replaceState(null, "", where);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = where;
}

/**
 * Show the view of the present address, and of each later one.
 *
 * @param {HTMLElement} root @param {Record<string, View>} views @param {(route: Route) => void} shown
 */
export function start(root, views, shown) {
  let name = "";
  let mounted = /** @type {Mounted | void} */ (undefined);
  let leaving = new AbortController();
  const show = () => {
    const route = parse(location.hash);
    if (!(route.name in views)) return go(link(["search"]), true);
    if (route.name === name && mounted?.update?.(route)) return shown(route);
    mounted?.leave?.();
    leaving.abort();
    leaving = new AbortController();
    root.textContent = "";
    name = route.name;
    mounted = views[name](root, route, leaving.signal);
    shown(route);
    if (document.activeElement === document.body) root.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", show);
  show();
  return () => {
    name = "";
    show();
  };
}
