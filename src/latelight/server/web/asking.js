/** A search as its address tells it: asked, and asked again where only the address is known. */

import { Problem, call, inside } from "./api.js";
import { recallPicture } from "./kept.js";
import { addressOf } from "./links.js";
import { parse } from "./router.js";
import { remember } from "./session.js";
import { defaultsOf, requestOf } from "./views/search_form.js";

/** @typedef {import("./views/search_form.js").Given} Given */

/** @param {Given} given @param {AbortSignal} signal @returns {Promise<any>} the answer; null when there is nothing to ask */
export async function ask(given, signal) {
  const request = requestOf(given);
  if (!request) return null;
  const answer = await answerTo(request, given, signal);
  const place = /** @type {import("./api.js").Place} */ (given.place);
  if (!signal.aborted)
    remember({ address: addressOf(given), place, answer, text: given.text, mode: given.mode });
  return answer;
}

/** @param {string} address of a search @param {AbortSignal} signal */
export function askAgain(address, signal) {
  return ask(defaultsOf(parse(address), []), signal);
}

/** @param {any} request @param {Given} given @param {AbortSignal} signal */
async function answerTo(request, given, signal) {
  const place = /** @type {import("./api.js").Place} */ (given.place);
  if (given.like) return call(inside(place, "similar"), { body: request, signal });
  if (!given.picture) return call(inside(place, "search"), { body: request, signal });
  const form = new FormData();
  form.append("image", await pictureOf(given.picture));
  form.append("search", JSON.stringify(request));
  return call(inside(place, "search", "image"), { body: form, signal });
}

/** @param {string} name */
async function pictureOf(name) {
  const picture = await recallPicture(name);
  if (picture) return picture;
  throw new Problem({
    code: "no_picture",
    detail: "The picture of this search is not here.",
    remedy:
      "A picture that is searched with stays in the browser where it was chosen, for a day. Choose it again, or drop it on the search box.",
  });
}
