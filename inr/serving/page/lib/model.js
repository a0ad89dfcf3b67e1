// What jobs and fields are called, and what can be said of how far they are.

import { duration, ordinal } from "./format.js";

export const GOING = ["queued", "running", "cancelling", "paused"];

export const isGoing = (job) => GOING.includes(job.state);

/** "hash · relu · mlp" of the parts of a field, or of a job's options. */
export function partsOf({ parts, options, metrics }) {
  const names = parts ?? metrics?.parts ?? options ?? {};
  return [names.encoding, names.activation, names.network].filter(Boolean).map((spec) => String(spec).split(":")[0]).join(" · ");
}

/** A job's state in a sentence, with its place and what is left. */
export function statusOf(job) {
  const { state, position, eta, progress } = job;
  if (state === "queued") {
    const place = position > 0 ? `You are ${ordinal(position)} in line` : "Waiting to begin";
    return eta ? `${place}, done in about ${duration(eta)}` : place;
  }
  if (state === "running") {
    const stage = progress?.stage ?? "fitting";
    if (stage !== "fitting") return `${stage[0].toUpperCase()}${stage.slice(1)} …`;
    return eta ? `About ${duration(Math.max(1, Math.ceil(eta)))} left` : "Fitting …";
  }
  return {
    cancelling: "Stopping",
    paused: "Paused; what was fitted is kept",
    done: "Done",
    failed: "Failed",
    cancelled: "Stopped",
  }[state];
}

/** The share that is done, 0 to 1, by steps. */
export function shareOf({ state, progress }) {
  if (state === "done") return 1;
  return progress?.steps ? Math.min(1, progress.step / progress.steps) : 0;
}

/** The name without its ending, for files that are made of it. */
export const stem = (name) => (name ?? "field").replace(/\.[^.]*$/, "");

/** A link as others can follow it. */
export const linkTo = (url) => new URL(url, location.origin).href;
