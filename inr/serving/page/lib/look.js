// The stage of a finished field: a viewer with layers for what has pixels, a waveform for sound, a shape that turns.

import { complain, h } from "./dom.js";
import { Program } from "./program.js";
import { segments } from "./segments.js";
import { shapeStage } from "./shape.js";
import { slices } from "./slices.js";
import { tiles, Viewer } from "./viewer.js";
import { soundStage } from "./wave.js";

/**
 * @param field the field's JSON
 * @param {{viewer?: Viewer}} options a viewer that shows the field already, as while it was fitted
 * @returns {{element: HTMLElement, start: () => Promise<void>, stop: () => void, viewer?: Viewer}}
 */
export function fieldStage(field, { viewer = new Viewer(`The field of ${field.name}`) } = {}) {
  if (field.kind === "audio") return soundStage(field);
  if (field.links.view) return shapeStage(field);
  if (!field.links.iiif) return unseen();
  const running = Boolean(viewer.osd);
  const layers = [
    { value: "field", label: "Field", hint: "the function, at any zoom", link: field.links.iiif },
    field.links.signal_iiif && { value: "original", label: "Original", hint: "the samples it was fitted to", link: field.links.signal_iiif },
    field.links.signal_iiif && { value: "error", label: "Error", hint: "how far it is off, at every sample", link: field.links.iiif, quality: "error" },
    { value: "slope", label: "Slope", hint: "the function's gradient", link: field.links.iiif, quality: "slope" },
  ].filter(Boolean);
  let chosen = "field";
  let found = null; // the promise of the field's program
  const draw = async (name) => {
    const { link, quality } = layers.find((layer) => layer.value === name);
    try {
      const program = name === "field" ? await (found ??= Program.of(field)) : null;
      await viewer.draw(name, await tiles(link, field.shape, { quality, slice: cuts.suffix() }), { program });
    } catch (problem) {
      complain(problem);
    }
  };
  const choose = async (name) => {
    chosen = name;
    if (!viewer.layers.has(name)) await draw(name);
    for (const [other] of viewer.layers) viewer.show(other, other === chosen || other === "picture" ? 1 : 0);
  };
  const cuts = slices(field, async () => {
    for (const { value } of layers) if (value !== chosen && viewer.layers.has(value)) viewer.erase(value);
    await draw(chosen);
  });
  const bar = h("div", { class: "stage-layers" }, segments("What is shown", layers, chosen, choose));
  viewer.columns = field.shape.at(-1);
  return {
    viewer,
    element: h("div", { class: "look" }, viewer.element, bar, cuts.element),
    async start() {
      if (!running) viewer.start();
      if (!running && field.links.preview) await viewer.picture(field.links.preview).catch(() => {});
      await draw("field");
    },
    stop: () => viewer.stop(),
  };
}

function unseen() {
  const words = "This field is no picture. Download the file to use it.";
  return { element: h("div", { class: "stage stage-empty" }, h("p", {}, words)), start: async () => {}, stop: () => {} };
}
