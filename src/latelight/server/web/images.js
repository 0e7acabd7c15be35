/** Pictures of the server: plain addresses where no key is needed, else fetched with the key. */

import { blob, key } from "./api.js";
import { h } from "./dom.js";

/** @param {HTMLImageElement | HTMLMediaElement} element @param {string} src @param {AbortSignal} signal */
export async function setSource(element, src, signal) {
  if (!key.get()) {
    element.src = src;
    return;
  }
  const held = URL.createObjectURL(await blob(src, signal));
  element.src = held;
  signal.addEventListener("abort", () => URL.revokeObjectURL(held), { once: true });
}

/** @param {HTMLImageElement} image @param {string} src @param {AbortSignal} signal */
export async function loadImage(image, src, signal) {
  await setSource(image, src, signal);
  await image.decode();
}

/**
 * @param {string} src @param {string} alt @param {AbortSignal} signal
 * @returns {HTMLElement} a small picture that loads when it comes into view
 */
export function thumbnail(src, alt, signal) {
  const image = h("img", { alt, loading: "lazy", decoding: "async" });
  const frame = h("div", { class: "thumb" }, image);
  image.addEventListener("load", () => frame.classList.add("is-loaded"));
  image.addEventListener("error", () => frame.classList.add("is-missing"));
  if (!key.get()) {
    image.src = src;
    return frame;
  }
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    setSource(image, src, signal).catch(() => frame.classList.add("is-missing"));
  });
  seen.observe(frame);
  return frame;
}
