// One job: the picture that sharpens, its curve and figures, and what can be done with it.

import { get, post } from "../lib/api.js";
import { announce, button, complain, fill, h, icon, trying } from "../lib/dom.js";
import { codecTable } from "../lib/codecs.js";
import { Curve } from "../lib/curve.js";
import { events } from "../lib/events.js";
import { bytes, decibels, duration, quality, ratio, size, whole } from "../lib/format.js";
import { fieldStage } from "../lib/look.js";
import { isGoing, partsOf, shareOf, statusOf } from "../lib/model.js";
import { optionsForm } from "../lib/options.js";
import { Viewer } from "../lib/viewer.js";
import { compressButton, deleteButton, downloadLink, meshButton, shareButton } from "../lib/actions.js";

export const title = "Fit";

const KINDS = { fit: "Fit", compress: "Compression", recompress: "Recoding", sweep: "Sweep" };

export async function show(main, [id], { signal }) {
  const handlers = {};
  let job = null;
  let stale = true;
  for (const kind of ["state", "progress", "preview", "end"]) {
    events.addEventListener(kind, ({ detail }) => {
      if (detail.job === id && job) handlers[kind](detail);
      else if (detail.job === id && ["state", "end"].includes(kind)) stale = true; // while the answer was on its way
    }, { signal });
  }
  let found = null;
  while (stale) {
    stale = false;
    found = await get(`/v1/jobs/${id}`, signal);
  }
  job = found;
  const place = h("div", { class: "job-stage" });
  const panel = h("div", { class: "job-panel" });
  main.append(h("div", { class: "job" }, place, panel));

  const [rows, columns] = job.signal?.shape?.slice(-2) ?? [];
  if (columns) place.style.setProperty("--aspect", columns / rows);
  let stage = waitingStage(job);
  place.append(stage.element);
  const curve = new Curve();
  const parts = figures(job, curve);
  panel.append(...parts.elements);
  curve.start();
  curve.set(job.progress?.curve ?? []);
  stage.start?.();
  signal.addEventListener("abort", () => {
    stage.stop?.();
    curve.stop();
  });

  let told = -1;
  const paint = () => {
    parts.paint(job);
    const tenth = Math.floor(10 * shareOf(job));
    if (isGoing(job) && tenth > told) {
      if (told >= 0 || tenth > 0) announce(`${tenth * 10} % done, ${decibels(job.progress?.psnr)}`);
      told = tenth;
    }
  };

  const finish = async () => {
    job = await get(`/v1/jobs/${id}`, signal);
    paint();
    if (job.progress?.curve?.length) curve.set(job.progress.curve);
    if (!job.links.field) return;
    announce(`${job.state === "done" ? "Done" : "Stopped"}: ${quality(job.metrics)}, ${bytes(job.metrics?.bytes)}`);
    const field = await get(job.links.field, signal);
    parts.done(job, field);
    const next = fieldStage(field, { viewer: stage.viewer });
    if (!stage.viewer) stage.stop?.();
    place.replaceChildren(next.element);
    stage = next;
    await next.start();
  };

  handlers.state = (detail) => {
    Object.assign(job, { state: detail.state, position: detail.position, eta: detail.eta, problem: detail.problem ?? job.problem });
    paint();
  };
  handlers.progress = (detail) => {
    job.progress = { ...job.progress, ...detail, curve: undefined };
    job.eta = left(detail, job.options) ?? job.eta;
    curve.add(detail.seconds, detail.psnr);
    paint();
  };
  handlers.preview = (detail) => stage.preview?.(detail.url);
  handlers.end = () => finish().catch(complain);
  // What happened while the stream was down is read anew.
  events.addEventListener("found", () => get(`/v1/jobs/${id}`, signal).then((fresh) => {
    job = fresh;
    return isGoing(job) ? paint() : finish();
  }).catch(complain), { signal });
  const clock = setInterval(() => {
    if (job.state === "running" && job.eta > 1) {
      job.eta -= 1;
      paint();
    }
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(clock));

  paint();
  if (!isGoing(job)) await finish();
}

function waitingStage(job) {
  if (job.signal && ["audio", "scattered"].includes(job.signal.kind)) {
    return { element: h("div", { class: "stage stage-empty" }, h("p", {}, "It can be heard and seen when the fit is done.")) };
  }
  if (job.signal?.kind === "shape") return shapeWaiting(job);
  const viewer = new Viewer(`The fit of ${job.name}`);
  viewer.columns = job.signal?.shape?.at(-1) ?? null;
  viewer.element.classList.add("stage-live");
  return {
    element: viewer.element,
    viewer,
    start() {
      viewer.start();
      const first = job.links.preview ?? (job.signal && `/v1/signals/${job.signal.id}/preview.webp`);
      if (first && job.links.preview) viewer.picture(first).catch(() => {});
    },
    preview: (url) => viewer.picture(url).catch(() => {}),
    stop: () => viewer.stop(),
  };
}

/** A shape while it is fitted, from one angle: it can be turned when the fit is done. */
function shapeWaiting(job) {
  const words = h("p", {}, "It is seen as soon as it has a surface, and can be turned when the fit is done.");
  const element = h("div", { class: "stage stage-shape stage-empty" }, words);
  const preview = (url) => fill(element, h("img", { class: "shape-picture", alt: `The shape of ${job.name} so far`, src: url }));
  if (job.links.preview) preview(job.links.preview);
  return { element, preview };
}

function figures(job, curve) {
  const status = h("p", { class: "job-status" });
  const psnr = h("b", { class: "figure-large" });
  const bar = h("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 }, h("span"));
  const facts = h("dl", { class: "facts" });
  const remarks = h("ul", { class: "remarks" });
  const verdict = h("section", { class: "verdict", hidden: true });
  const actions = h("div", { class: "actions thumb" });
  const more = h("div", { class: "actions" });
  const problem = h("div", { class: "problem", hidden: true });
  const others = h("div", { class: "others" });
  const again = h("div", { class: "again" });
  const step = (verb) => trying(() => post(`/v1/jobs/${job.id}/${verb}`));
  let shown = null;
  let field = null;

  const buttons = (now) => {
    if (shown === `${now.state}${Boolean(field)}`) return;
    shown = `${now.state}${Boolean(field)}`;
    const stop = () => titled(button("stop", "Stop", step("cancel")), "ends it, and keeps the best so far");
    const drop = () => titled(button("stop", "Give up", step("cancel")), "ends it, and keeps nothing");
    const end = () => (now.checkpoint_step || now.progress?.step ? stop() : drop());
    const fieldButtons = () => (field ? [downloadLink(field, "primary"), shareButton(field)] : []);
    fill(actions, {
      queued: () => [end()],
      running: () => [titled(button("pause", "Pause", step("pause")), "keeps what was fitted"), stop()],
      cancelling: () => [],
      paused: () => [button("play", "Go on", step("resume"), "primary"), end()],
      failed: () => [button("again", "Try again", step("retry"), "primary")],
      cancelled: fieldButtons,
      done: fieldButtons,
    }[now.state]?.());
    if (field) {
      fill(more,
        field.links.iiif && h("a", { class: "button", href: `#/zoom/${job.id}` }, icon("zoom"), "Beside the original"),
        field.links.iiif && h("a", { class: "button", href: `#/compare/${job.id}` }, icon("compare"), "Compare"),
        field.links.view ? meshButton(field) : compressButton(field), deleteButton(field, () => {
          location.hash = "#/library";
        }));
    }
    if (!isGoing(now) && now.signal) offerAgain();
  };

  const offerAgain = () => {
    if (again.childElementCount) return;
    const form = optionsForm(formOptions(job.options));
    again.append(h("h2", {}, "Fit it again"), form.budget, form.parts, button("again", "Fit again", trying(async () => {
      const next = await post("/v1/jobs", { kind: "fit", signal: job.signal.id, name: job.name, options: form.options() });
      location.hash = `#/fit/${next.id}`;
    })));
  };

  return {
    elements: [
      h("div", { class: "job-head" },
        h("p", { class: "eyebrow" }, [KINDS[job.kind], size(job.signal?.shape)].filter(Boolean).join(" · ")),
        h("h1", { tabindex: -1 }, job.name)),
      h("div", { class: "job-now" }, psnr, status, bar),
      problem, actions, curve.element, facts, verdict, remarks, others, more, again,
    ],
    paint(now) {
      psnr.textContent = now.metrics ? quality(now.metrics) : decibels(now.progress?.psnr);
      status.textContent = statusOf(now);
      const percent = Math.round(100 * shareOf(now));
      bar.firstChild.style.width = `${percent}%`;
      bar.setAttribute("aria-valuenow", percent);
      bar.hidden = !isGoing(now);
      problem.hidden = !now.problem;
      if (now.problem) problem.replaceChildren(icon("warn"), h("p", {}, now.problem.detail ?? now.problem.title));
      const metrics = now.metrics ?? {};
      const rows = [
        ["Size", metrics.bytes && bytes(metrics.bytes)],
        ["Steps", whole(metrics.steps ?? now.progress?.step)],
        ["Time", duration(metrics.seconds ?? now.progress?.seconds)],
        ["SSIM", metrics.ssim?.toFixed(4)],
        ["IoU near the surface", metrics.iou_near?.toFixed(4)],
        ["Colours", metrics.psnr_colours && `${metrics.psnr_colours.toFixed(2)} dB`],
        ["Chamfer distance", metrics.chamfer?.toPrecision(3)],
        ["Parts", partsOf(now) || "what suits it"],
        [metrics.kind === "shape" ? "Against its file" : "Against lossless", ratio(metrics.lossless_bytes, metrics.bytes)],
      ].filter(([, words]) => words);
      facts.replaceChildren(...rows.map(([name, words]) => h("div", {}, h("dt", {}, name), h("dd", {}, words))));
      showVerdict(verdict, metrics.verdict);
      fill(remarks, (metrics.remarks ?? []).map((words) => h("li", {}, words)));
      buttons(now);
    },
    done(now, itsField) {
      field = itsField;
      buttons(now);
      if (now.kind.endsWith("compress") && field.kind === "image" && field.signal) {
        codecTable(field, field.bytes, true).then((table) => others.replaceChildren(table), complain);
      }
    },
  };
}

/** What holds a fit back, the worst first; nothing of a fit that was too short to be explained. */
function showVerdict(element, findings) {
  element.hidden = !findings;
  if (!findings) return;
  fill(element,
    h("h2", {}, "What holds it back"),
    findings.length
      ? h("ol", {}, findings.map(({ sentence, changed }) => h("li", {}, h("p", {}, `${sentence}.`), changed && h("code", {}, changed))))
      : h("p", {}, "Nothing stands out."));
}

function titled(element, words) {
  element.title = words;
  return element;
}

/** Seconds that the steps left will take, by those that were made, and no more than the budget has left. */
const left = ({ step, steps, seconds }, { seconds: budget = Infinity }) =>
  (step > 0 && steps > step ? Math.min(((steps - step) * seconds) / step, Math.max(budget - seconds, 1)) : null);

/** Options that a new fit begins with: those of the job that its form can show. */
const formOptions = (options) => Object.fromEntries(["seconds", "preset", "encoding", "activation", "network", "teacher"].map((name) => [name, options?.[name] ?? null]));
