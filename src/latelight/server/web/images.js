/** Pictures of the server: plain addresses where no key is needed, else fetched with the key. */

import { blob, key } from "./api.js";
import { h } from "./dom.js";

/** @returns {boolean} whether files are fetched whole, with the key, before they are shown */
export function isFetched() {
  return Boolean(key.get());
}

/** @param {HTMLImageElement | HTMLMediaElement} element @param {string} src @param {AbortSignal} signal */
export async function setSource(element, src, signal) {
  if (isFetched()) await setFetched(element, src, signal);
  else element.src = src;
}

/** @param {HTMLImageElement | HTMLMediaElement} element @param {string} src @param {AbortSignal} signal */
async function setFetched(element, src, signal) {
  const held = URL.createObjectURL(await blob(src, signal));
  element.src = held;
  signal.addEventListener("abort", () => URL.revokeObjectURL(held), { once: true });
}

/** @param {HTMLImageElement} image @param {string} src @param {AbortSignal} signal */
export async function loadImage(image, src, signal) {
  await setSource(image, src, signal);
  try {
    await image.decode();
  } catch {
    if (signal.aborted) return;
    await setFetched(image, src, signal); // a busy server says when to come again, but not to an <img>
    await image.decode();
  }
}

/**
 * @param {string} src @param {string} alt @param {AbortSignal} signal
 * @returns {HTMLElement} a small picture that loads when it comes into view
 */
export function thumbnail(src, alt, signal) {
  const image = h("img", { alt, loading: "lazy", decoding: "async" });
  const frame = h("div", { class: "thumb" }, image);
  const missing = () => frame.classList.add("is-missing");
  const fetched = () => setFetched(image, src, signal).catch(missing);
  image.addEventListener("load", () => frame.classList.add("is-loaded"));
  if (!isFetched()) {
    image.addEventListener("error", fetched, { once: true });
    image.src = src;
    return frame;
  }
  image.addEventListener("error", missing);
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    fetched();
  });
  seen.observe(frame);
  return frame;
}
