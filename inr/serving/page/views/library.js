// All jobs and fields as cards, with a search and a filter.

import { get, list, post, remove } from "../lib/api.js";
import { button, complain, h, icon, iconButton, trying } from "../lib/dom.js";
import { confirmDialog, shareDialog } from "../lib/dialogs.js";
import { events } from "../lib/events.js";
import { ago, bytes, quality, size } from "../lib/format.js";
import { isGoing, partsOf, shareOf, statusOf, stem } from "../lib/model.js";
import { segments } from "../lib/segments.js";

export const title = "Library";

const FILTERS = [
  { value: "all", label: "All" },
  { value: "image", label: "Pictures" },
  { value: "audio", label: "Sounds" },
  { value: "volume", label: "Volumes and video" },
  { value: "shape", label: "Shapes" },
];

const fits = (job, kind) => kind === "all" || kind === job.signal?.kind || (kind === "volume" && job.signal?.kind === "video");

export async function show(main, _, { signal }) {
  let jobs = [];
  let kind = "all";
  const chosen = new Set();
  const cards = h("ul", { class: "cards" });
  const search = h("input", { type: "search", placeholder: "Search by name or part", "aria-label": "Search", oninput: () => paint() });
  const bar = h("div", { class: "compare-bar", hidden: true, role: "status" });
  const account = h("footer", { class: "account faint" });
  const empty = h("div", { class: "empty", hidden: true },
    h("h2", {}, "Nothing here yet"),
    h("p", {}, "What you fit is kept here until you delete it."),
    h("a", { class: "button primary", href: "#/" }, "Fit something"));
  main.append(
    h("div", { class: "page-head" },
      h("h1", { tabindex: -1 }, "Library"),
      h("div", { class: "finders" },
        h("label", { class: "search" }, icon("search"), search),
        segments("Kind of signal", FILTERS, kind, (value) => {
          kind = value;
          paint();
        }))),
    cards, empty, bar, account);

  const choose = (job, on) => {
    if (on) chosen.add(job.id);
    else chosen.delete(job.id);
    if (chosen.size > 2) {
      const [first] = chosen;
      chosen.delete(first);
      paint();
    }
    bar.hidden = !chosen.size;
    const [one, two] = chosen;
    bar.replaceChildren(
      h("span", {}, chosen.size === 1 ? "One chosen; choose another to compare them" : "Two chosen"),
      chosen.size === 2 ? h("a", { class: "button primary", href: `#/compare/${one}/${two}` }, icon("compare"), "Compare") : "");
  };
  const paint = () => {
    const words = search.value.trim().toLowerCase();
    const found = jobs.filter((job) => fits(job, kind) && `${job.name} ${partsOf(job)} ${job.state}`.toLowerCase().includes(words));
    cards.replaceChildren(...found.map((job) => h("li", {}, card(job, {
      chosen: chosen.has(job.id),
      onchoose: (on) => choose(job, on),
      ondelete: () => {
        jobs = jobs.filter(({ id }) => id !== job.id);
        chosen.delete(job.id);
        paint();
      },
    }))));
    empty.hidden = found.length > 0;
    empty.firstChild.textContent = jobs.length ? "Nothing matches" : "Nothing here yet";
  };
  const load = async () => {
    jobs = await list("/v1/jobs?limit=50", { signal });
    paint();
  };
  const anew = async ({ detail }) => {
    const index = jobs.findIndex(({ id }) => id === detail.job);
    if (index < 0) return load();
    jobs[index] = await get(`/v1/jobs/${detail.job}`, signal);
    const old = cards.querySelector(`[data-job="${detail.job}"]`);
    if (old?.contains(document.activeElement)) return null; // what holds the focus is not taken away
    return paint();
  };
  for (const event of ["state", "preview", "end"]) {
    events.addEventListener(event, (change) => anew(change).catch(complain), { signal });
  }
  await load();
  const me = await get("/v1/me", signal);
  account.append(
    h("span", {}, `Signed in as ${me.name}, ${bytes(me.used.bytes)} of ${bytes(me.quotas.bytes)} used`),
    h("a", { href: "#/api" }, "API for programs"),
    button(null, "Sign out", trying(async () => {
      await remove("/v1/session");
      location.reload();
    })));
}

/** A job as a card: what it looks like, its name and figures, and for a finished one what can be done with it. */
export function card(job, { chosen, onchoose, ondelete, heading = "h2" } = {}) {
  const sources = [
    job.links.preview && `${job.links.preview}?v=${job.progress?.preview ?? 0}`,
    job.signal && job.signal.kind !== "shape" && `/v1/signals/${job.signal.id}/preview.webp`,
  ].filter(Boolean);
  const next = ({ target }) => {
    if (sources.length) target.src = sources.shift();
    else target.remove();
  };
  const sound = job.signal?.kind === "audio";
  const kind = { audio: " card-sound", shape: " card-shape" }[job.signal?.kind ?? job.metrics?.kind] ?? "";
  const picture = h("div", { class: `card-picture${kind}` },
    sound ? soundSign() : sources.length > 0 && h("img", { src: sources.shift(), alt: "", loading: "lazy", onerror: next }));
  const going = isGoing(job);
  if (going) {
    const bar = h("span");
    bar.style.width = `${100 * shareOf(job)}%`;
    picture.append(h("div", { class: "card-bar" }, bar));
  }
  const field = { id: job.id, name: job.name, links: job.links };
  const done = job.state === "done";
  return h("article", { class: `card${chosen ? " chosen" : ""}`, "data-job": job.id },
    h("a", { class: "card-link", href: `#/fit/${job.id}` }, picture, h(heading, {}, job.name)),
    job.links.iiif && job.signal?.kind === "image" && onchoose && h("label", { class: "card-choose", title: "Choose to compare" },
      h("input", { type: "checkbox", ".checked": chosen, "aria-label": `Choose ${job.name} to compare`, onchange: (event) => {
        event.target.closest(".card").classList.toggle("chosen", event.target.checked);
        onchoose(event.target.checked);
      } }), icon("compare"), icon("check")),
    h("p", { class: "card-figures" },
      !done && h("span", { class: `state state-${job.state}` }, statusOf(job)),
      job.links.file && [h("b", {}, quality(job.metrics)), h("span", {}, bytes(job.metrics?.bytes))]),
    h("p", { class: "card-more" }, [size(job.signal?.shape), partsOf(job), ago(job.ended ?? job.created)].filter(Boolean).join(" · ")),
    onchoose && h("div", { class: "card-actions" },
      job.links.file && [
        job.links.iiif && h("a", { class: "icon-button", href: `#/zoom/${job.id}`, title: "Beside the original", "aria-label": `${job.name} beside the original` }, icon("zoom")),
        iconButton("share", `Share ${job.name}`, trying(() => shareDialog(field))),
        h("a", { class: "icon-button", href: job.links.file, download: `${stem(job.name)}.inr`, title: "Download", "aria-label": `Download ${job.name}` }, icon("download")),
      ],
      going
        ? iconButton("stop", `Stop ${job.name}`, trying(() => post(`/v1/jobs/${job.id}/cancel`)))
        : iconButton("trash", `Delete ${job.name}`, () => confirmDialog("Delete this field?", `${job.name} and its links go; this cannot be undone.`, "Delete", async () => {
          await remove(`/v1/jobs/${job.id}`);
          ondelete();
        }))));
}

function soundSign() {
  const svg = icon("play");
  svg.setAttribute("viewBox", "0 0 120 40");
  svg.firstChild.setAttribute("d", Array.from({ length: 24 }, (_, bar) => {
    const tall = 3 + 14 * Math.abs(Math.sin(bar * 1.7) * Math.cos(bar * 0.4));
    return `M${3 + bar * 5} ${20 - tall}v${2 * tall}`;
  }).join(""));
  return svg;
}
