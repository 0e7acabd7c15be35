/** A release's way as a picture: what it has passed, where it stands, what is still planned. */

import { h } from "../dom.js";
import { percent, plural } from "../text.js";

const STAGES = ["build", "gate", "shadow", "interleave", "ramp", "ready", "promoted"];
const NAMES = /** @type {Record<string, string>} */ ({
  build: "Build",
  gate: "Gate",
  shadow: "Shadow",
  interleave: "Interleave",
  ramp: "Ramp",
  ready: "Ready",
  promoted: "Promoted",
});
const ENDS = /** @type {Record<string, string>} */ ({
  rolled_back: "Rolled back",
  aborted: "Aborted",
  retired: "Retired",
});

/** @param {any} status of a release @returns {HTMLElement} */
export function machine(status) {
  const { release } = status;
  const reached = reachedBy(status);
  const stopped = stoppedAt(status);
  const end = ENDS[release.state];
  const furthest = STAGES.findLastIndex((stage) => reached.has(stage) || release.state === stage);
  const steps = STAGES.map((stage, i) =>
    step(stage, release, reached, {
      now: release.state === stage,
      stopped: stopped === stage,
      behind: i < furthest,
    }),
  );
  const ended = end
    ? h(
        "li",
        { class: "step is-end is-now", "aria-current": "step" },
        h("span", { class: "step-dot" }),
        h("strong", null, end),
        h("span", { class: "quiet small" }, whatEnded(release.state)),
      )
    : null;
  return h("ol", { class: "machine", "aria-label": "Stages of the release" }, steps, ended);
}

/** @param {string} stage @param {any} release @param {Set<string>} reached @param {{now: boolean, stopped: boolean, behind: boolean}} at */
function step(stage, release, reached, { now, stopped, behind }) {
  const planned = stage in release.plan ? release.plan[stage] !== null || stage === "build" : true;
  const kind = now
    ? "is-now"
    : stopped
      ? "is-stopped"
      : reached.has(stage)
        ? "is-passed"
        : planned
          ? "is-ahead"
          : "is-left-out";
  return h(
    "li",
    {
      class: `step ${kind} ${behind ? "is-behind" : ""}`,
      "data-stage": stage,
      "aria-current": now ? "step" : null,
    },
    h("span", { class: "step-dot" }),
    h("strong", null, NAMES[stage]),
    h("span", { class: "quiet small" }, planned ? wanted(stage, release) : "left out"),
    stage === "ramp" && planned ? shares(release, kind) : null,
  );
}

/** @param {any} status @returns {string | undefined} the stage whose way ended there */
function stoppedAt({ log }) {
  return log.find((/** @type {any} */ entry) => ["fall_back", "abort"].includes(entry.what))
    ?.before;
}

/** @param {any} status @returns {Set<string>} stages that it has left behind */
function reachedBy({ release, log }) {
  const left = log.map((/** @type {any} */ entry) => entry.before).filter(Boolean);
  return new Set(left.filter((/** @type {string} */ stage) => stage !== release.state));
}

/** @param {string} stage @param {any} release */
function wanted(stage, { plan }) {
  const own = plan[stage];
  if (stage === "build")
    return own?.max_left_out
      ? `at most ${plural(own.max_left_out, "document")} left out`
      : "every document";
  if (stage === "gate") return own.measures.join(", ");
  if (stage === "shadow")
    return `${plural(own.queries, "search", "searches")}, ${percent(own.share)} of them`;
  if (stage === "interleave")
    return `${percent(own.share)}, at most ${plural(own.max_sessions, "session")}`;
  if (stage === "ramp") return `${plural(own.queries, "search", "searches")} a step`;
  if (stage === "ready")
    return plan.promote === "auto" ? "promotes by itself" : "waits for a person";
  return "answers everybody";
}

/** @param {any} release @param {string} kind of the ramp */
function shares({ plan, ramp_step: step }, kind) {
  const begun = kind !== "is-ahead";
  return h(
    "span",
    { class: "ramp-shares" },
    plan.ramp.shares.map((/** @type {number} */ share, /** @type {number} */ i) =>
      h(
        "span",
        {
          class: `ramp-share ${begun && i === step ? kind : begun && i < step ? "is-passed" : ""}`,
        },
        percent(share),
      ),
    ),
  );
}

/** @param {string} state */
function whatEnded(state) {
  return (
    {
      rolled_back: "the earlier version answers again",
      aborted: "the live version stayed",
      retired: "what was left is removed",
    }[state] ?? ""
  );
}
