/** A player for the part of a recording or a film that a unit is. */

import { inside, withQuery } from "../api.js";
import { h, replace } from "../dom.js";
import { isFetched, setSource } from "../images.js";
import { bytes, clock } from "../text.js";

/** With a key a file is fetched whole before it plays: beyond this only when somebody asks for it. */
const MOST_UNASKED_BYTES = 20_000_000;

/** @param {any} hit @returns {boolean} whether its document is a recording, and not a file within another one */
export function isPlayable(hit) {
  return /^(audio|video)\//.test(hit.media_type ?? "") && !hit.locator.part?.length;
}

/**
 * @param {import("../api.js").Place} place @param {any} hit @param {AbortSignal} signal @param {(seconds: number) => void} told where it plays
 * @returns {{element: HTMLElement, seek: (seconds: number) => void}}
 */
export function player(place, hit, signal, told) {
  const made = new Player(place, hit, signal, told);
  return { element: made.element, seek: (seconds) => made.seek(seconds) };
}

class Player {
  /** @param {import("../api.js").Place} place @param {any} hit @param {AbortSignal} signal @param {(seconds: number) => void} told */
  constructor(place, hit, signal, told) {
    this._hit = hit;
    this._signal = signal;
    this._told = told;
    this._src = withQuery(inside(place, "documents", hit.doc_id, "original"), { inline: "true" });
    /** @type {number[][]} */
    this._times = hit.locator.time ? [hit.locator.time, ...(hit.locator.again ?? [])] : [];
    this._now = this._times[0] ?? [0, Infinity];
    this._before = 0;
    this._media = this._makeMedia();
    this.element = h("div", { class: `playing is-${this._kind}` });
    if (isFetched() && hit.n_bytes > MOST_UNASKED_BYTES) replace(this.element, this._question());
    else this._begin();
  }

  get _kind() {
    return this._hit.media_type.startsWith("video/") ? "video" : "audio";
  }

  _makeMedia() {
    const media = h(this._kind, {
      controls: true,
      preload: "metadata",
      class: "player",
      "aria-label": this._kind === "video" ? "Watch this part" : "Listen to this part",
    });
    let frame = 0;
    const follow = () => {
      cancelAnimationFrame(frame);
      this._follow();
      if (!media.paused) frame = requestAnimationFrame(follow);
    };
    media.addEventListener("play", follow);
    media.addEventListener("timeupdate", () => this._follow()); // in the background no frames are drawn
    media.addEventListener("seeked", () => this._told(media.currentTime));
    media.addEventListener("error", () => this._silent());
    media.addEventListener("loadedmetadata", () => this._stand(), { once: true });
    this._signal.addEventListener("abort", () => {
      cancelAnimationFrame(frame);
      media.pause();
    });
    return media;
  }

  /** A file that is too long to be fetched for nothing. */
  _question() {
    return h(
      "button",
      { type: "button", class: "button", onclick: () => this._begin() },
      `Load the ${this._kind === "video" ? "film" : "recording"}, ${bytes(this._hit.n_bytes)}`,
    );
  }

  _begin() {
    replace(this.element, this._media, this._moments());
    setSource(this._media, this._src, this._signal).catch(() => this._silent());
  }

  /** Stand at the beginning of the part; a film shows its picture there. */
  _stand() {
    if (this._media instanceof HTMLVideoElement && !this._media.videoWidth) this._blind();
    if (this._now[0] > 0) this._media.currentTime = this._now[0];
  }

  /** Tell where it plays, and pause once where the part ends; who plays on hears what follows. */
  _follow() {
    const at = this._media.currentTime;
    this._told(at);
    const ends = this._before < this._now[1] && at >= this._now[1];
    this._before = at;
    if (ends && !this._media.paused) this._media.pause();
  }

  _moments() {
    if (this._times.length < 2) return null;
    return h(
      "p",
      { class: "moments small" },
      h("span", { class: "quiet" }, "Seen at"),
      this._times.map((time) =>
        h(
          "button",
          { type: "button", class: "button is-small is-quiet", onclick: () => this._play(time) },
          `${clock(time[0])}–${clock(Math.ceil(time[1]))}`,
        ),
      ),
    );
  }

  /** @param {number[]} time */
  _play(time) {
    this._now = time;
    this.seek(time[0]);
  }

  /** @param {number} seconds */
  seek(seconds) {
    this._before = seconds;
    this._media.currentTime = seconds;
    this._media.play().catch(() => {});
  }

  /** A film of whose streams the browser knows the sound alone. */
  _blind() {
    this.element.classList.add("is-blind");
    this._say("This browser plays the film’s sound, but not its pictures.");
  }

  _silent() {
    if (this._signal.aborted) return;
    replace(this.element);
    this._say(`This browser cannot play the ${this._kind === "video" ? "film" : "recording"}.`);
  }

  /** @param {string} text */
  _say(text) {
    this.element.append(h("p", { class: "quiet small", role: "status" }, text));
  }
}
