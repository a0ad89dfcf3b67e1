// One stream of the server's events for the whole page, closed while nobody looks and resumed where it was left.

import { session } from "./api.js";

/** Dispatches `state`, `progress`, `preview` and `end` with the event's data as `detail`, and `lost` and `found`. */
export const events = new EventTarget();

let lastId = null;
let running = null;
let waits = 0;

/** Starts the stream; it follows the page's visibility from then on. */
export function follow() {
  document.addEventListener("visibilitychange", adjust);
  adjust();
}

/** Ends the stream, as when nobody is signed in. */
export function unfollow() {
  document.removeEventListener("visibilitychange", adjust);
  running?.abort();
  running = null;
}

function adjust() {
  if (document.hidden) {
    running?.abort();
    running = null;
  } else if (!running) {
    running = new AbortController();
    keep(running.signal);
  }
}

async function keep(signal) {
  while (!signal.aborted) {
    try {
      await read(signal);
    } catch {
      if (signal.aborted) return;
    }
    waits += 1;
    if (waits > 1) events.dispatchEvent(new Event("lost"));
    await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** waits, 10_000)));
  }
}

// `EventSource` cannot send Last-Event-ID on a first request, which a stream that was closed while hidden needs.
async function read(signal) {
  const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
  const answer = await fetch("/v1/events", { headers, signal, credentials: "same-origin", cache: "no-store" });
  if (answer.status === 401) {
    unfollow();
    session.lost();
  }
  if (!answer.ok) throw new Error(`the stream answered ${answer.status}`);
  if (waits) events.dispatchEvent(new Event("found"));
  waits = 0;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value.replaceAll("\r", "");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      dispatch(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function dispatch(block) {
  let kind = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
    if (name === "id") lastId = value;
    else if (name === "event") kind = value;
    else if (name === "data") data.push(value);
  }
  if (data.length) events.dispatchEvent(new CustomEvent(kind, { detail: JSON.parse(data.join("\n")) }));
}
