/**
 * The HTTP API of this server. Every failure is a `Problem` with its remedy.
 *
 * @typedef {{doc_id: string, unit_id: string}} UnitName
 * @typedef {{method?: string, body?: any, signal?: AbortSignal, once?: boolean}} Options
 */

const KEY = "latelight.key";
const MOST_TRIES = 3;
const LEAST_WAIT_S = 0.2;
const LONGEST_WAIT_S = 8;

/** What the server says when something is wrong (RFC 9457). */
export class Problem extends Error {
  /** @param {any} told the problem's JSON */
  constructor(told) {
    super(told.detail || told.title || "Something went wrong.");
    this.status = /** @type {number} */ (told.status ?? 0);
    this.code = /** @type {string} */ (told.code ?? "unknown");
    this.remedy = /** @type {string} */ (told.remedy ?? "");
    this.requestId = /** @type {string} */ (told.request_id ?? "");
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  /** @param {string} value */
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** @param {string[]} parts @returns {string} a path below `/v1` with every part escaped */
export function path(...parts) {
  return `/v1/${parts.map(encodeURIComponent).join("/")}`;
}

/** @param {Place} place @param {...string} parts @typedef {{namespace: string, collection: string}} Place */
export function inside(place, ...parts) {
  return path("namespaces", place.namespace, "collections", place.collection, ...parts);
}

/** @returns {string} a fresh name for a request that must happen once */
export function fresh() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Options} options @returns {Record<string, string>} */
function headersOf(options) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  if (options.body !== undefined && !(options.body instanceof FormData))
    headers["Content-Type"] = "application/json";
  if (options.once) headers["Idempotency-Key"] = fresh();
  return headers;
}

/** @param {string} where @param {Options} options */
async function send(where, options) {
  const { body } = options;
  const init = {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    headers: headersOf(options),
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
    signal: options.signal,
  };
  return patiently(
    () => reached(where, init),
    (answer) => [answer.status, answer.headers.get("Retry-After")],
  );
}

/**
 * The answer to a request; while the server is busy it is asked again, after the pause that it asks for. Who looks is
 * told by the event `latelight:busy`. A longer pause than a person waits for is left to them.
 *
 * @template A
 * @param {() => Promise<A>} ask @param {(answer: A) => [number, string | null]} told its status and Retry-After
 * @returns {Promise<A>}
 */
async function patiently(ask, told) {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    const [status, after] = told(answer);
    const busy = status === 429 || status === 503;
    const wait = Math.max(Number(after), LEAST_WAIT_S);
    if (!busy || tries === MOST_TRIES || !(wait <= LONGEST_WAIT_S)) return answer;
    window.dispatchEvent(new CustomEvent("latelight:busy", { detail: wait }));
    await new Promise((done) => setTimeout(done, 1000 * wait));
  }
}

/** @param {string} where @param {RequestInit} init */
async function reached(where, init) {
  try {
    return await fetch(where, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem({
      code: "unreachable",
      detail: "The server does not answer.",
      remedy: "See whether `latelight serve` still runs, then try again.",
    });
  }
}

/** @param {Response} answer @returns {Promise<Problem>} */
async function problemOf(answer) {
  try {
    return new Problem({ status: answer.status, ...(await answer.json()) });
  } catch {
    return new Problem({
      status: answer.status,
      detail: `The server answered ${answer.status} without a reason.`,
    });
  }
}

/** @param {string} where @param {Options} [options] @returns {Promise<any>} the answer's JSON, null when it has none */
export async function call(where, options = {}) {
  const answer = await send(where, options);
  if (!answer.ok) throw await problemOf(answer);
  if (answer.status === 204) return null;
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** @param {string} where @param {AbortSignal} [signal] @returns {Promise<Blob>} */
export async function blob(where, signal) {
  const answer = await send(where, { signal });
  if (!answer.ok) throw await problemOf(answer);
  return answer.blob();
}

/** @param {string} where @param {Record<string, any>} [query] @param {AbortSignal} [signal] @returns {Promise<any[]>} every item of a list */
export async function all(where, query = {}, signal) {
  /** @type {any[]} */
  const items = [];
  for (let cursor = ""; ;) {
    const page = await call(withQuery(where, { limit: 200, ...query, cursor }), { signal });
    items.push(...page.items);
    if (!page.next_cursor) return items;
    cursor = page.next_cursor;
  }
}

/** @param {string} where @param {Record<string, any>} query */
export function withQuery(where, query) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined,
  );
  return given.length ? `${where}?${new URLSearchParams(given)}` : where;
}

/**
 * The server-sent events of a path, read through `fetch` so that a key can be sent.
 *
 * @param {string} where
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* events(where, signal) {
  const answer = await send(where, { signal });
  if (!answer.ok || !answer.body) throw await problemOf(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replace(/\r\n/g, "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
}

/** @param {string} block */
function eventOf(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}

/**
 * Send a form and tell how much of it has gone, which `fetch` cannot.
 *
 * @param {string} where @param {FormData} form @param {(share: number) => void} told
 * @returns {Promise<any>}
 */
export async function upload(where, form, told) {
  const headers = headersOf({ body: form, once: true }); // the same each time: it is taken once
  const request = await patiently(
    () => posted(where, form, headers, told),
    (answer) => [answer.status, answer.getResponseHeader("Retry-After")],
  );
  const json = parsed(request.responseText);
  if (request.status < 300) return json;
  throw new Problem({ status: request.status, ...json });
}

/**
 * @param {string} where @param {FormData} form @param {Record<string, string>} headers @param {(share: number) => void} told
 * @returns {Promise<XMLHttpRequest>} once it is answered
 */
function posted(where, form, headers, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", where);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener(
      "progress",
      (event) => event.lengthComputable && told(event.loaded / event.total),
    );
    request.addEventListener("error", () =>
      reject(
        new Problem({
          code: "unreachable",
          detail: "The upload was cut off.",
          remedy: "Try again; what is there already is skipped.",
        }),
      ),
    );
    request.addEventListener("load", () => resolve(request));
    request.send(form);
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
