// What a visitor with a link sees: one field, and its file to take along.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { downloadLink, meshButton } from "../lib/actions.js";
import { bytes, quality, ratio, size } from "../lib/format.js";
import { fieldStage } from "../lib/look.js";
import { partsOf } from "../lib/model.js";

export const title = "Shared";
export const open = true; // to everybody, signed in or not

export async function show(main, [name], { signal }) {
  const field = await get(`/v1/shared/${name}`, signal);
  const stage = fieldStage(field);
  const facts = [
    [field.kind === "shape" ? "Overlap" : "PSNR", quality(field.metrics)],
    ["Size", bytes(field.bytes)],
    ["Samples", size(field.shape)],
    ["Parts", partsOf(field)],
    ["Against lossless", ratio(field.lossless_bytes, field.bytes)],
  ].filter(([, words]) => words);
  main.append(h("div", { class: "wide shared" },
    h("div", { class: "page-head" },
      h("div", {}, h("p", { class: "eyebrow" }, "Shared with you"), h("h1", { tabindex: -1 }, field.name)),
      h("div", { class: "actions thumb" }, downloadLink(field, "primary"), field.links.view && meshButton(field))),
    stage.element,
    h("dl", { class: "facts facts-row" }, facts.map(([label, words]) => h("div", {}, h("dt", {}, label), h("dd", {}, words)))),
    h("p", { class: "faint" }, { audio: "This is no recording", shape: "This is no mesh" }[field.kind] ?? "This is no picture of pixels",
      ": it is a small neural network, computed anew wherever you look. ", h("code", {}, "inr render"), " draws its file at any size.")));
  signal.addEventListener("abort", () => stage.stop());
  await stage.start();
}
