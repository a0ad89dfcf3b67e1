// A field beside the original's pixels, both at one place.

import { get } from "../lib/api.js";
import { complain, h } from "../lib/dom.js";
import { bytes, quality } from "../lib/format.js";
import { describe, drawable, nothingYet, picker } from "../lib/picker.js";
import { Program } from "../lib/program.js";
import { slices } from "../lib/slices.js";
import { tiles, together, Viewer } from "../lib/viewer.js";

export const title = "Zoom";

export async function show(main, [id], { signal }) {
  const jobs = (await drawable(signal)).filter((job) => job.signal);
  const chosen = id ?? jobs[0]?.id;
  if (!chosen) {
    main.append(nothingYet("Nothing to zoom into yet"));
    return;
  }
  const field = await get(`/v1/fields/${chosen}`, signal);
  const viewers = [new Viewer(`The field of ${field.name}`), new Viewer(`The pixels of ${field.name}`)];
  const bases = [field.links.iiif, field.links.signal_iiif];
  const captions = [
    ["The function", `${quality(field.metrics)} · ${bytes(field.bytes)}`],
    ["The pixels", bytes(field.lossless_bytes)],
  ];
  const program = Program.of(field);
  const draw = () => Promise.all(viewers.map(async (viewer, index) =>
    viewer.draw("field", await tiles(bases[index], field.shape, { slice: cuts.suffix() }), {
      program: index === 0 ? await program : null,
    })));
  const cuts = slices(field, () => draw().catch(complain));
  main.append(h("div", { class: "wide" },
    h("div", { class: "page-head" },
      h("h1", { tabindex: -1 }, "Beyond the pixels"),
      h("div", { class: "pickers" },
        picker("Field", jobs.map((job) => ({ value: job.id, label: describe(job) })), chosen, (value) => {
          location.hash = `#/zoom/${value}`;
        }))),
    h("div", { class: "pair" }, viewers.map((viewer, index) =>
      h("figure", { class: "pair-side" },
        viewer.element,
        h("figcaption", {}, h("b", {}, captions[index][0]), h("span", {}, captions[index][1]))))),
    cuts.element ?? ""));
  for (const viewer of viewers) {
    viewer.columns = field.shape.at(-1);
    viewer.start();
  }
  together(viewers);
  signal.addEventListener("abort", () => viewers.forEach((viewer) => viewer.stop()));
  await draw();
}
