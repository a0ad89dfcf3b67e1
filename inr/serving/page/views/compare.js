// Two fits in one place, or a fit and its original: one zoom, a line to drag between them, and keys A and B.

import { get } from "../lib/api.js";
import { announce, complain, h } from "../lib/dom.js";
import { bytes, quality } from "../lib/format.js";
import { partsOf } from "../lib/model.js";
import { describe, drawable, nothingYet, picker } from "../lib/picker.js";
import { slices } from "../lib/slices.js";
import { tiles, Viewer } from "../lib/viewer.js";

export const title = "Compare";

const ORIGINAL = "original";

export async function show(main, [left, right], { signal }) {
  const jobs = await drawable(signal);
  if (!jobs.length) {
    main.append(nothingYet("Nothing to compare yet"));
    return;
  }
  const one = left ?? jobs[0].id;
  const first = await get(`/v1/fields/${one}`, signal);
  const alike = jobs.filter((job) => job.id !== one && job.signal?.shape?.length === first.shape.length);
  const original = first.links.signal_iiif ? [{ value: ORIGINAL, label: "The original pixels" }] : [];
  const two = right ?? (original[0]?.value ?? alike[0]?.id);
  if (!two) {
    main.append(nothingYet("Nothing to compare it with"));
    return;
  }
  const second = two === ORIGINAL ? null : await get(`/v1/fields/${two}`, signal);
  const go = (a, b) => {
    location.hash = `#/compare/${a}/${b}`;
  };
  const choices = (list) => list.map((job) => ({ value: job.id, label: describe(job) }));
  const viewer = new Viewer(`${first.name}: two versions of it`);
  viewer.columns = first.shape.at(-1);

  const line = h("input", { type: "range", class: "split", min: 0, max: 100, value: 50, step: 0.5, "aria-label": "Line between A and B" });
  const handle = h("div", { class: "split-line", "aria-hidden": "true" }, h("span"));
  const sides = [side("A", first.name, first, "left"), second ? side("B", second.name, second, "right") : side("B", "Original", null, "right", first)];
  const split = (share) => {
    line.value = share * 100;
    handle.style.left = `${share * 100}%`;
    line.setAttribute("aria-valuetext", share <= 0 ? "B alone" : share >= 1 ? "A alone" : `A on ${Math.round(share * 100)} % of the left`);
    sides[0].classList.toggle("off", share <= 0.02);
    sides[1].classList.toggle("off", share >= 0.98);
    viewer.split("B", share);
  };
  line.addEventListener("input", () => split(line.value / 100));
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = viewer.element.getBoundingClientRect();
    split(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  viewer.element.append(handle, ...sides);

  const only = (name) => {
    split(name === "A" ? 1 : 0);
    announce(name === "A" ? `A alone: ${first.name}` : `B alone: ${second?.name ?? "the original"}`);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName) && event.target.type !== "range") return;
    const key = event.key.toLowerCase();
    if (key === "a" || key === "b") only(key.toUpperCase());
    else if (key === "c") split(0.5);
  }, { signal });

  const draw = async () => {
    const other = second ? second.links.iiif : first.links.signal_iiif;
    const sources = await Promise.all([
      tiles(first.links.iiif, first.shape, { slice: cuts.suffix() }),
      tiles(other, (second ?? first).shape, { slice: cuts.suffix() }),
    ]);
    await viewer.draw("A", sources[0]);
    await viewer.draw("B", sources[1]);
    split(line.value / 100);
  };
  const cuts = slices(first, () => draw().catch(complain));

  main.append(h("div", { class: "wide" },
    h("div", { class: "page-head" },
      h("h1", { tabindex: -1 }, "Compare"),
      h("div", { class: "pickers" },
        picker("A", choices(jobs), one, (value) => go(value, two)),
        picker("B", [...original, ...choices(alike)], two, (value) => go(one, value)))),
    viewer.element,
    h("div", { class: "compare-tools thumb" },
      h("button", { type: "button", class: "button key", onclick: () => only("A") }, h("kbd", {}, "A"), "alone"),
      line,
      h("button", { type: "button", class: "button key", onclick: () => only("B") }, h("kbd", {}, "B"), "alone")),
    cuts.element ?? "",
    h("p", { class: "faint keys" }, "Keys ", h("kbd", {}, "A"), " and ", h("kbd", {}, "B"), " show one alone, ", h("kbd", {}, "C"), " both; wheel, pinch, ", h("kbd", {}, "+"), " and ", h("kbd", {}, "−"), " zoom.")));
  viewer.start();
  signal.addEventListener("abort", () => viewer.stop());
  await draw();
}

function side(letter, name, field, where, originalOf) {
  return h("div", { class: `side side-${where}` },
    h("b", {}, letter),
    h("span", {}, name),
    h("span", { class: "side-figures" }, field
      ? `${quality(field.metrics)} · ${bytes(field.bytes)} · ${partsOf(field)}`
      : bytes(originalOf.lossless_bytes)));
}
