/** The release of a collection: where it stands, what was counted, and the buttons that move it. */

import { Problem, all, call, inside } from "../api.js";
import { ofCollection } from "../components/collection_picker.js";
import { ask } from "../components/dialog.js";
import { auditLog, countTable, guardList } from "../components/guards.js";
import { machine } from "../components/machine.js";
import { failed, notice, skeletons, toast, toastError } from "../components/notice.js";
import { h, replace } from "../dom.js";
import { forgetCollections } from "../session.js";
import { count, figure, percent } from "../text.js";

const STEPPING_MS = 1000;
const RESTING_MS = 8000;
const PLAN = {
  gate: null,
  shadow: { share: 0.1, queries: 100 },
  interleave: null,
  ramp: { shares: [0.05, 0.25, 0.5, 1.0], queries: 100 },
};

/** @type {Record<string, {label: string, title: string, said: string, danger?: boolean, primary?: boolean}>} */
const MOVES = {
  step: {
    label: "Take the next step",
    title: "Take the next step?",
    said: "What the present stage asks for is done, or it is looked whether the stage has been passed. Nothing changes for callers unless it has.",
    primary: true,
  },
  promote: {
    label: "Promote",
    title: "Make the candidate live?",
    said: "The candidate answers everybody from the next search on. The version that is live now is kept and goes on following every change, so that a rollback brings it back at once.",
    primary: true,
  },
  rollback: {
    label: "Roll back",
    title: "Go back to the earlier version?",
    said: "The version that was live before answers everybody from the next search on. It has followed every change since.",
    danger: true,
  },
  abort: {
    label: "Abort",
    title: "Abort this release?",
    said: "The release ends, and the candidate answers nobody any more. The live version stays what it is.",
    danger: true,
  },
  retire: {
    label: "Retire what is left",
    title: "Remove the version that was left?",
    said: "The version that no longer answers is deleted with its index. After that there is no rollback.",
    danger: true,
  },
};

/** @type {import("../router.js").View} */
export function releasesView(root, route, signal) {
  ofCollection({
    root,
    route,
    signal,
    title: "Releases",
    said: "Another pipeline becomes live without anybody noticing, and can be taken back.",
    show: (body, place) => void new ReleaseView(body, place, signal),
  });
  return undefined;
}

class ReleaseView {
  /** @param {HTMLElement} body @param {import("../api.js").Place} place @param {AbortSignal} signal */
  constructor(body, place, signal) {
    this._body = body;
    this._place = place;
    this._signal = signal;
    /** What is shown, as JSON; to leave the page alone where nothing changed. */
    this._shown = "";
    replace(body, skeletons(3));
    this._follow();
  }

  async _follow() {
    while (!this._signal.aborted) {
      const status = await this._refresh();
      await new Promise((done) => setTimeout(done, status?.stepping ? STEPPING_MS : RESTING_MS));
    }
  }

  async _refresh() {
    try {
      const status = await call(inside(this._place, "release"), { signal: this._signal });
      this._show(status);
      return status;
    } catch (error) {
      if (this._signal.aborted) return null;
      if (error instanceof Problem && error.status === 404) this._none();
      else if (!this._shown)
        replace(
          this._body,
          failed(error, () => this._refresh()),
        );
      return null;
    }
  }

  _none() {
    if (this._shown === "none") return;
    this._shown = "none";
    replace(
      this._body,
      notice(
        "No release yet",
        h(
          "p",
          null,
          "A release fills a candidate under another pipeline beside the live version, compares the two out of sight, and lets a growing share of callers see it, while guards watch.",
        ),
        h(
          "button",
          { type: "button", class: "button is-primary", onclick: () => this._start() },
          "Start a release",
        ),
      ),
    );
  }

  /** @param {any} status */
  _show(status) {
    const told = JSON.stringify(status);
    if (told === this._shown) return;
    this._shown = told;
    const open = new Set(
      [...this._body.querySelectorAll("details[open]")].map((one) => one.getAttribute("data-name")),
    );
    replace(
      this._body,
      this._standing(status),
      this._guards(status),
      this._counted(status),
      this._log(status),
    );
    for (const one of this._body.querySelectorAll("details"))
      if (open.has(one.getAttribute("data-name"))) one.open = true;
  }

  /** @param {any} status */
  _standing(status) {
    const { release } = status;
    const title = h(
      "div",
      null,
      h("h2", { "data-state": release.state }, STATES[release.state] ?? release.state),
      h("p", { class: "quiet" }, release.note),
    );
    return h(
      "section",
      { class: "card", "aria-label": "State" },
      h("div", { class: "view-head" }, title, this._buttons(status)),
      this._versions(release),
      machine(status),
      release.state === "ramp" ? this._split(release) : null,
      this._lastStep(status),
    );
  }

  /** @param {any} release */
  _versions(release) {
    // Versions that differ in searches alone begin alike.
    const alike = release.live.slice(0, 12) === release.candidate.slice(0, 12);
    const shown = (/** @type {string} */ digest) => (alike ? digest : digest.slice(0, 12));
    const one = (/** @type {string} */ name, /** @type {string} */ digest) =>
      h("div", null, h("dt", null, name), h("dd", null, h("code", null, shown(digest))));
    const promoted = release.state === "promoted";
    return h(
      "dl",
      { class: "facts versions" },
      one(promoted ? "Before" : "Live", release.live),
      one(promoted ? "Live, the former candidate" : "Candidate", release.candidate),
    );
  }

  /** @param {any} release */
  _split(release) {
    return h(
      "div",
      { class: "split" },
      h(
        "div",
        {
          class: "split-bar",
          role: "img",
          "aria-label": `The candidate answers ${percent(release.share)} of callers`,
        },
        h("span", { vars: { "--share": release.share } }),
      ),
      h(
        "p",
        { class: "small" },
        h("strong", null, percent(release.share)),
        " of callers are answered by the candidate, ",
        percent(1 - release.share),
        " by the live version.",
      ),
    );
  }

  /** @param {any} status */
  _lastStep({ release, stepping, last_step: last }) {
    if (stepping)
      return h(
        "p",
        { class: "step-said", role: "status" },
        h("span", { class: "state is-live" }, "Stepping"),
        " The present stage is at work.",
      );
    if (!last) return null;
    if (last.error)
      return h(
        "p",
        { class: "step-said wrong", role: "status" },
        `The last step failed: ${last.error.detail ?? last.error.title} ${last.error.remedy ?? ""}`,
      );
    // A guard, or a person, has moved it since: that is what the state says.
    if (last.version !== release.version) return null;
    const [badge, word] =
      last.state === "rolled_back"
        ? ["is-bad", "Fell back"]
        : last.moved
          ? ["is-good", "Passed"]
          : ["", "Not passed"];
    return h(
      "p",
      { class: "step-said", role: "status" },
      h("span", { class: `state ${badge}` }, word),
      ` ${last.said}`,
    );
  }

  /** @param {any} status */
  _buttons({ release, next_moves: next, stepping }) {
    const moves = Object.keys(MOVES).filter((move) =>
      move === "step"
        ? next.includes("advance") || (release.state === "ready" && release.plan.promote === "auto")
        : next.includes(move),
    );
    const made = moves.map((move) =>
      h(
        "button",
        {
          type: "button",
          class: `button ${MOVES[move].danger ? "is-danger" : move === "step" || (move === "promote" && !moves.includes("step")) ? "is-primary" : ""}`,
          "data-move": move,
          disabled: stepping,
          onclick: () => this._move(move),
        },
        MOVES[move].label,
      ),
    );
    if (["aborted", "retired"].includes(release.state))
      made.push(
        h(
          "button",
          { type: "button", class: "button is-primary", onclick: () => this._start() },
          "Start a release",
        ),
      );
    return h("div", { class: "buttons" }, made);
  }

  /** @param {any} status */
  _guards({ guards, ratio_p: ratio, preference_p: preference, wins, release }) {
    if (!guards.length && release.state !== "interleave") return null;
    const told = [];
    if (ratio < 0.01)
      told.push(`The arms did not get their shares (p ${figure(ratio)}): do not believe the rest.`);
    if (Object.keys(wins).length)
      told.push(
        `Interleaved: ${count(wins.a)} for the live version, ${count(wins.b)} for the candidate (p ${figure(preference)}).`,
      );
    return h(
      "section",
      { class: "card", "aria-label": "Guards" },
      h("h2", null, "Guards"),
      guardList(guards),
      told.map((text) => h("p", { class: "small" }, text)),
    );
  }

  /** @param {any} status */
  _counted({ counted, owed, left_out: left }) {
    const debts = Object.values(owed).reduce((sum, n) => sum + Number(n), 0);
    if (!counted.length && !left.length && !debts) return null;
    return h(
      "section",
      { class: "card", "aria-label": "Counted" },
      h("h2", null, "Counted"),
      counted.length ? countTable(counted) : null,
      debts
        ? h("p", { class: "small" }, `${count(debts)} changes are still to be followed.`)
        : null,
      left.length
        ? h(
            "details",
            { "data-name": "left" },
            h("summary", null, `${count(left.length)} documents are left out of the candidate`),
            h(
              "ul",
              { class: "small" },
              left.map((/** @type {any} */ one) => h("li", null, Object.values(one).join(" · "))),
            ),
          )
        : null,
    );
  }

  /** @param {any} status */
  _log({ log }) {
    return h(
      "section",
      { class: "card", "aria-label": "Audit log" },
      h("h2", null, "Audit log"),
      auditLog(log),
    );
  }

  /** @param {string} move */
  async _move(move) {
    const { title, said, label, danger } = MOVES[move];
    if (
      move !== "step" &&
      !(await ask({ title, body: h("p", null, said), confirm: label, danger }))
    )
      return;
    try {
      await call(inside(this._place, "release", move), { method: "POST", body: {}, once: true });
      if (move === "promote" || move === "rollback")
        toast(move === "promote" ? "The candidate is live." : "The earlier version is live again.");
      forgetCollections();
    } catch (error) {
      toastError(error);
    }
    const status = await this._refresh();
    if (status?.stepping) this._watchStep();
  }

  async _watchStep() {
    for (let stepping = true; stepping && !this._signal.aborted;) {
      await new Promise((done) => setTimeout(done, STEPPING_MS));
      stepping = Boolean((await this._refresh())?.stepping);
    }
  }

  async _start() {
    const known = await all("/v1/pipelines").catch(() => []);
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) =>
      h("label", { class: "field" }, h("span", null, label), input);
    const preset = h(
      "select",
      { class: "input" },
      known.map((one) => h("option", { value: one.name }, one.name)),
      h("option", { value: "" }, "As written below"),
    );
    const spec = h("textarea", {
      class: "input code",
      rows: "4",
      spellcheck: "false",
      placeholder: '{"name": "finer", "spaces": {"text": {"bits": 4}}}',
    });
    const plan = h("textarea", {
      class: "input code",
      rows: "6",
      spellcheck: "false",
      value: JSON.stringify(PLAN, null, 1),
    });
    const body = [
      field("Pipeline", preset),
      field("A pipeline as JSON", spec),
      field("What it has to pass", plan),
      h(
        "p",
        { class: "quiet small" },
        "A stage that is null is left out. A gate takes the id of an evaluation as its judgements.",
      ),
    ];
    if (!(await ask({ title: "Start a release", body, confirm: "Start" }))) return;
    try {
      const pipeline = spec.value.trim() ? JSON.parse(spec.value) : preset.value;
      await call(inside(this._place, "release"), {
        body: { pipeline, plan: JSON.parse(plan.value || "null") },
        once: true,
      });
      await this._refresh();
    } catch (error) {
      toastError(error);
    }
  }
}

const STATES = /** @type {Record<string, string>} */ ({
  build: "Building the candidate",
  gate: "At the gate",
  shadow: "Shadowing",
  interleave: "Interleaving",
  ramp: "Ramping up",
  ready: "Ready to promote",
  promoted: "Promoted",
  rolled_back: "Rolled back",
  aborted: "Aborted",
  retired: "Retired",
});
