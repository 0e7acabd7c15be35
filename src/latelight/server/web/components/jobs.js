/** Jobs of adding: live progress, what failed and why, and the buttons that steer them. */

import { all, call, events, path, withQuery } from "../api.js";
import { h, replace, setVars } from "../dom.js";
import { bytes, count, duration, moment, plural } from "../text.js";
import { toastError } from "./notice.js";

const RUNNING = new Set(["running", "waiting"]);
const SHOWN = 5;
const AGAIN_MS = 500;
const MOST_FAILURES = 6;
const SAID = /** @type {Record<string, string>} */ ({
  running: "Running",
  waiting: "Waiting",
  paused: "Paused",
  interrupted: "Interrupted",
  cancelled: "Cancelled",
  failed: "Failed",
  done: "Done",
});
/** What is said between the press of a button and what comes of it. */
const ASKED = /** @type {Record<string, string>} */ ({
  pause: "Pausing",
  cancel: "Cancelling",
  resume: "Resuming",
  retry: "Retrying",
});
const MOVES = /** @type {Record<string, [string, string][]>} */ ({
  running: [
    ["pause", "Pause"],
    ["cancel", "Cancel"],
  ],
  waiting: [["cancel", "Cancel"]],
  paused: [
    ["resume", "Resume"],
    ["cancel", "Cancel"],
  ],
  interrupted: [
    ["resume", "Resume"],
    ["cancel", "Cancel"],
  ],
  failed: [["resume", "Resume"]],
});

export class JobList {
  /** @param {import("../api.js").Place} place @param {AbortSignal} signal @param {() => void} changed when documents may have come */
  constructor(place, signal, changed) {
    this._place = place;
    this._signal = signal;
    this._changed = changed;
    /** @type {Map<string, JobCard>} */
    this._cards = new Map();
    this._list = h("div", { class: "jobs" });
    this.element = h("section", { "aria-label": "Jobs" }, this._list);
  }

  async load() {
    try {
      const page = await call(withQuery(path("jobs"), { ...this._place, limit: 50 }), {
        signal: this._signal,
      });
      const newest = [...page.items].sort((a, b) => b.created_at - a.created_at);
      for (const job of newest.slice(0, SHOWN).reverse())
        if (job.state !== "done" || job.n_failures) this.add(job);
    } catch (error) {
      if (!this._signal.aborted) toastError(error);
    }
  }

  /** @param {any} job */
  add(job) {
    if (this._cards.has(job.job_id)) return;
    const card = new JobCard(job, this._signal, this._changed);
    this._cards.set(job.job_id, card);
    this._list.prepend(card.element);
  }
}

class JobCard {
  /** @param {any} job @param {AbortSignal} signal @param {() => void} changed */
  constructor(job, signal, changed) {
    this._job = job;
    this._signal = signal;
    this._changed = changed;
    /** @type {any[]} */
    this._failures = [];
    this._failuresShown = 0;
    this._steered = "";
    /** The button that was pressed, until the server says what came of it. */
    this._asked = "";
    this._state = h("span", { class: "state" });
    this._bar = h("span", null);
    this._meter = h(
      "div",
      {
        class: "meter",
        role: "progressbar",
        "aria-label": "Progress",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
      },
      this._bar,
    );
    this._said = h("p", { class: "small quiet job-said", role: "status" });
    this._buttons = h("div", { class: "buttons" });
    this._failed = h("details", { class: "failures", hidden: true });
    this.element = h(
      "article",
      { class: "job", "data-job": job.job_id },
      h(
        "div",
        { class: "job-head" },
        h("h3", { dir: "auto" }, job.said || "Adding"),
        this._state,
        this._buttons,
      ),
      this._meter,
      this._said,
      this._failed,
    );
    this._show();
    if (RUNNING.has(job.state)) this._watch();
    else if (job.n_failures) this._loadFailures();
  }

  /** Follow the job to its end; a stream that is cut off is taken up again. */
  async _watch() {
    for (let failures = 0; failures < MOST_FAILURES && !this._signal.aborted;) {
      try {
        await this._listen();
        if (!RUNNING.has(this._job.state)) return this._ended();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === MOST_FAILURES && !this._signal.aborted) toastError(error);
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS * (failures + 1)));
    }
    return undefined;
  }

  async _listen() {
    /** @type {any[]} */
    const failures = []; // the stream tells those of before anew
    const where = path("jobs", this._job.job_id);
    for await (const { event, data } of events(`${where}/events`, this._signal)) {
      if (event === "failed") failures.push(data);
      if (failures.length >= this._failures.length) this._failures = failures;
      this._hear(event, data);
    }
    this._job = await call(where, { signal: this._signal });
    this._show();
  }

  async _ended() {
    await this._loadFailures();
    this._changed();
  }

  /** @param {string} event @param {any} data */
  _hear(event, data) {
    if (event === "progress") this._job.progress = data;
    if (event === "state" || event === "ended") this._job.state = data.state;
    if (event === "ended") this._asked = "";
    this._show();
  }

  async _loadFailures() {
    this._failures = await all(path("jobs", this._job.job_id, "failures"), {}, this._signal);
    this._show();
  }

  _show() {
    const { state, progress } = this._job;
    const wrong = state === "failed" || this._failures.length > 0;
    const n = this._failures.length;
    replace(
      this._state,
      ASKED[this._asked] ??
        (SAID[state] ?? state) + (state === "done" && n ? `, ${count(n)} failed` : ""),
    );
    this._state.className = `state ${RUNNING.has(state) ? "is-live" : wrong ? "is-bad" : state === "done" ? "is-good" : ""}`;
    const share = shareDone(progress, state);
    setVars(this._bar, { "--share": share });
    this._meter.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    replace(this._said, saidOf(this._job));
    const steered = `${state} ${n > 0} ${this._asked}`;
    if (steered !== this._steered) this._showButtons(state, n > 0);
    this._steered = steered;
    this._showFailures();
  }

  /** @param {string} state @param {boolean} failed whether there is something to retry */
  _showButtons(state, failed) {
    const moves = this._asked ? [] : [...(MOVES[state] ?? [])];
    if (state === "done" && failed) moves.push(["retry", "Retry what failed"]);
    replace(
      this._buttons,
      moves.map(([move, label]) =>
        h(
          "button",
          { type: "button", class: "button is-small is-quiet", onclick: () => this._move(move) },
          label,
        ),
      ),
    );
  }

  _showFailures() {
    this._failed.hidden = !this._failures.length;
    if (this._failures.length === this._failuresShown) return;
    this._failuresShown = this._failures.length;
    const items = this._failures.map((one) =>
      h(
        "li",
        null,
        h("strong", { dir: "auto" }, one.source),
        h("span", null, one.message),
        h("code", { class: "quiet" }, one.code),
      ),
    );
    replace(
      this._failed,
      h("summary", null, `${plural(this._failures.length, "file")} could not be added`),
      h("ul", null, items),
    );
    if (this._failures.length && this._failures.length <= 3) this._failed.open = true;
  }

  /** @param {string} move */
  async _move(move) {
    const before = RUNNING.has(this._job.state);
    this._asked = move;
    this._show();
    try {
      this._job = await call(path("jobs", this._job.job_id, move), { method: "POST", once: true });
      if (move === "retry") this._failures = [];
    } catch (error) {
      this._asked = "";
      toastError(error);
    }
    const now = RUNNING.has(this._job.state);
    // A job that stops finishes its batch in flight; who listens to it hears when.
    if (!now || !before) this._asked = "";
    this._show();
    if (now && !before) await this._watch();
  }
}

/** @param {any} progress @param {string} state */
function shareDone(progress, state) {
  if (state === "done") return 1;
  return progress.n_bytes
    ? progress.n_bytes_done / progress.n_bytes
    : progress.n_items
      ? progress.n_done / progress.n_items
      : 0;
}

/** @param {any} progress @param {string} state */
function doneOf({ n_done: n, n_items: of }, state) {
  if (of) return `${count(n)} of ${plural(of, "document")}`;
  return state === "waiting" ? "Waits for its turn" : state === "running" ? "Begins" : "Not begun";
}

/** @param {any} job */
function saidOf({ state, progress, error, created_at: created }) {
  const parts = [doneOf(progress, state)];
  const kinds = /** @type {[string, number][]} */ ([
    ["added", progress.n_added],
    ["replaced", progress.n_replaced],
    ["unchanged", progress.n_unchanged],
  ]);
  parts.push(...kinds.filter(([, n]) => n).map(([name, n]) => `${count(n)} ${name}`));
  if (progress.n_units) parts.push(plural(progress.n_units, "unit"));
  if (state === "running" && progress.bytes_per_second > 0)
    parts.push(`${bytes(progress.bytes_per_second)}/s`);
  if (state === "running" && progress.eta_seconds)
    parts.push(`${duration(progress.eta_seconds)} left`);
  if (!RUNNING.has(state) && created) parts.push(moment(created));
  return error ? `${error} ${parts.join(" · ")}` : parts.join(" · ");
}
