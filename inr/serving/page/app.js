// The page: which view is shown, who is signed in, and what is the same in every view.

import { get, session } from "./lib/api.js";
import { button, complain, h, icon } from "./lib/dom.js";
import { events, follow, unfollow } from "./lib/events.js";
import { ordinal } from "./lib/format.js";
import * as api from "./views/api.js";
import * as compare from "./views/compare.js";
import * as job from "./views/job.js";
import * as library from "./views/library.js";
import * as shared from "./views/shared.js";
import * as signin from "./views/signin.js";
import * as start from "./views/start.js";
import * as zoom from "./views/zoom.js";

const ROUTES = { "": start, fit: job, compare, zoom, library, api, shared, "sign-in": signin };
const TABS = [["", "Fit", "fit"], ["compare", "Compare", "compare"], ["zoom", "Zoom", "zoom"], ["library", "Library", "library"]];

const main = document.getElementById("main");
let leaving = new AbortController();
let known = false;

function tabs() {
  document.getElementById("tabs").append(...TABS.map(([route, words, sign]) =>
    h("a", { href: `#/${route}`, "data-route": route }, icon(sign), h("span", {}, words))));
}

/** Shows the view that the address names. */
async function route() {
  const code = location.hash.match(/^#code=(.+)$/)?.[1];
  if (code) {
    history.replaceState(null, "", "#/");
    await signin.redeem(decodeURIComponent(code)).then(() => signedIn(false), complain);
  }
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const view = ROUTES[name === "fit" && !rest[0] ? "" : name] ?? start;
  if (!view.open && !known && !(await recognised())) return;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  main.replaceChildren();
  main.className = `view-${name || "start"}`;
  document.title = `${view.title} · inr`;
  document.body.classList.toggle("visitor", !known);
  for (const tab of document.querySelectorAll("#tabs a")) {
    const here = tab.dataset.route === name || (tab.dataset.route === "" && name === "fit");
    if (here) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  try {
    await view.show(main, rest, { signal, signedIn });
  } catch (problem) {
    if (signal.aborted) return;
    if (!main.childElementCount && problem.status !== 401) main.append(failure(problem));
    else complain(problem);
  }
  if (routed && !signal.aborted && !main.contains(document.activeElement)) main.querySelector("h1")?.focus({ preventScroll: true });
  routed = true;
}
let routed = false;

const failure = (problem, wayOut = h("a", { class: "button primary", href: "#/library" }, "To the library")) =>
  h("div", { class: "empty" },
    h("h1", { tabindex: -1 }, problem.title ?? "That did not work"),
    h("p", {}, problem.detail ?? problem.message),
    wayOut);

async function recognised() {
  try {
    await get("/v1/me");
    known = true;
    follow();
    paintQueue();
  } catch (problem) {
    if (problem.status === 401) location.hash = "#/sign-in";
    else main.replaceChildren(failure(problem, button("again", "Try again", route, "primary")));
  }
  return known;
}

async function signedIn(showStart = true) {
  known = false;
  if (showStart) location.hash = "#/";
}

session.lost = () => {
  if (!known) return;
  known = false;
  unfollow();
  location.hash = "#/sign-in";
};

// The chip that says what waits; how much changes with every event of a state.
async function paintQueue() {
  const chip = document.getElementById("queue");
  const { waiting, running, workers, held } = await get("/v1/queue").catch(() => ({}));
  const [next] = waiting ? (await get("/v1/jobs?state=queued&limit=50").catch(() => ({ items: [] }))).items.slice(-1) : [];
  const words = held ? `Held: ${held}`
    : workers === 0 ? "No worker is running"
    : next?.position ? `You are ${ordinal(next.position)}`
    : running ? `${running} fitting` : "";
  if (workers === 0) setTimeout(paintQueue, 3000); // they take a moment to begin
  chip.textContent = words;
  chip.hidden = !words;
  chip.classList.toggle("busy", Boolean(running));
}

function theme() {
  const control = document.getElementById("theme");
  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const paint = () => {
    control.replaceChildren(icon(dark() ? "light" : "dark"));
    control.title = dark() ? "Light theme" : "Dark theme";
    control.setAttribute("aria-label", control.title);
  };
  control.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("inr-theme", document.documentElement.dataset.theme);
    } catch {
      // The choice then lasts as long as the page.
    }
    paint();
    dispatchEvent(new Event("inr-theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
}

// Files can be dropped or pasted in every view.
function drops() {
  const veil = document.getElementById("veil");
  let inside = 0;
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!known || !files(event)) return;
    inside += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!files(event)) return;
    inside = Math.max(0, inside - 1);
    veil.hidden = inside === 0;
  });
  addEventListener("dragover", (event) => files(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    inside = 0;
    veil.hidden = true;
    if (known && event.dataTransfer.files[0]) start.fitFile(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (known && file) start.fitFile(file);
  });
}

function connection() {
  const box = document.getElementById("lost");
  events.addEventListener("lost", () => {
    box.textContent = "The connection to the server is lost. Trying again …";
    box.hidden = false;
  });
  events.addEventListener("found", () => {
    box.hidden = true;
    paintQueue();
  });
  for (const kind of ["state", "end"]) events.addEventListener(kind, paintQueue);
}

document.getElementById("skip").addEventListener("click", () => main.focus());
tabs();
theme();
drops();
connection();
addEventListener("hashchange", route);
route();
