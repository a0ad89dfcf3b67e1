// Files to the server: in one request up to 16 MiB, above that in resumable pieces by tus 1.0.

import { call, get, Problem, request } from "./api.js";

const WHOLE = 16 * 2 ** 20;
const PIECE = 8 * 2 ** 20;
const TRIES = 6;

/**
 * Brings a file to the server and waits until it is read.
 * @param {File|Blob} file
 * @param {(share: number) => void} onShare called with the share that is there, 0 to 1
 * @returns the signal's JSON
 */
export async function upload(file, name, onShare = () => {}) {
  const signal = file.size <= WHOLE ? await whole(file, name) : await pieces(file, name, onShare);
  onShare(1);
  return ready(signal);
}

// Of an SVG drawing it is the outline that can be fitted.
const reading = (name) => (/\.svg$/i.test(name) ? { as_shape: "sdf" } : {});

function whole(file, name) {
  return call("POST", `/v1/signals?${new URLSearchParams({ name, ...reading(name) })}`, {
    body: file,
    headers: { "Content-Type": "application/octet-stream" },
  });
}

async function pieces(file, name, onShare) {
  const key = `inr-upload ${name} ${file.size} ${file.lastModified ?? 0}`;
  let place = localStorage.getItem(key);
  let offset = place ? await offsetOf(place) : null;
  if (offset === null) {
    const told = Object.entries({ filename: name, ...reading(name) });
    const metadata = told.map(([key, text]) => `${key} ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}`).join(",");
    const made = await request("POST", "/v1/uploads", {
      headers: { ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": metadata },
    });
    place = new URL(made.headers.get("Location"), location.href).pathname;
    localStorage.setItem(key, place);
    offset = 0;
  }
  for (let tries = 0; ; ) {
    onShare(offset / file.size);
    try {
      const answer = await request("PATCH", place, {
        body: file.slice(offset, offset + PIECE),
        headers: { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
      });
      offset = Number(answer.headers.get("Upload-Offset"));
      tries = 0;
      if (offset < file.size) continue;
      localStorage.removeItem(key);
      return get(answer.headers.get("Content-Location")); // the upload has become a signal
    } catch (problem) {
      tries += 1;
      const passing = problem.type === "unreachable" || problem.status === 409 || problem.status >= 500;
      if (!passing || tries === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tries));
      offset = (await offsetOf(place)) ?? offset;
    }
  }
}

const TUS = { "Tus-Resumable": "1.0.0" };

async function offsetOf(place) {
  try {
    return Number((await request("HEAD", place, { headers: TUS })).headers.get("Upload-Offset"));
  } catch {
    return null; // it was finished or is gone
  }
}

async function ready(signal) {
  for (let wait = 100; signal.state === "reading"; wait = Math.min(wait * 1.5, 1000)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal = await get(`/v1/signals/${signal.id}`);
  }
  if (signal.state === "refused") throw new Problem(signal.problem ?? { title: "The file cannot be read" });
  return signal;
}
