/** A player for the part of a recording that a unit is. */

import { inside, withQuery } from "../api.js";
import { h } from "../dom.js";
import { setSource } from "../images.js";

/**
 * @param {import("../api.js").Place} place @param {any} hit @param {AbortSignal} signal @param {(seconds: number) => void} told where it plays
 * @returns {{element: HTMLElement, seek: (seconds: number) => void}}
 */
export function player(place, hit, signal, told) {
  const [from, to] = hit.locator.time ?? [0, Infinity];
  const kind = hit.kind === "audio" ? "audio" : "video";
  const media = h(kind, {
    controls: true,
    preload: "metadata",
    class: "player",
    "aria-label": "Listen to this part",
  });
  const src = withQuery(inside(place, "documents", hit.doc_id, "original"), { inline: "true" });
  setSource(media, src, signal).catch(() =>
    media.replaceWith(h("p", { class: "quiet" }, "The recording cannot be played here.")),
  );
  media.addEventListener("loadedmetadata", () => {
    if (from > 0) media.currentTime = from;
  });
  let frame = 0;
  const follow = () => {
    told(media.currentTime);
    if (media.currentTime >= to && !media.paused) media.pause();
    if (!media.paused) frame = requestAnimationFrame(follow);
  };
  media.addEventListener("play", follow);
  media.addEventListener("seeked", () => told(media.currentTime));
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    media.pause();
  });
  const seek = (/** @type {number} */ seconds) => {
    media.currentTime = seconds;
    media.play().catch(() => {});
  };
  return { element: media, seek };
}
