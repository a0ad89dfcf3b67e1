// The dialogs that a finished field offers: sharing, a smaller size, a mesh, deleting.

import { announce, button, h, iconButton, openDialog, trying } from "./dom.js";
import { list, post, remove, request } from "./api.js";
import { codecTable } from "./codecs.js";
import { bytes, quality } from "./format.js";
import { linkTo, stem } from "./model.js";
import { segments } from "./segments.js";

/** Makes, lists and revokes the links by which visitors see a field. */
export async function shareDialog(field) {
  const place = `/v1/fields/${field.id}/shares`;
  const rows = h("ul", { class: "share-list" });
  const row = (share) => {
    const link = linkTo(share.url);
    const input = h("input", { type: "text", readonly: true, value: link, "aria-label": "Link", onfocus: () => input.select() });
    const copy = button("copy", "Copy", trying(async () => {
      await copied(input);
      copy.lastChild.textContent = "Copied";
      announce("The link is copied");
    }), "primary");
    const item = h("li", {}, input, copy, iconButton("trash", "Revoke this link", trying(async () => {
      await remove(`${place}/${share.name}`);
      item.remove();
      announce("The link is revoked");
    })));
    return item;
  };
  const make = button("share", "Make a link", trying(async () => {
    const item = row(await post(place));
    rows.append(item);
    item.querySelector("input").focus();
  }));
  openDialog("Share",
    h("p", {}, "Whoever has a link can look at this field and download it, without signing in. Nothing else can be seen by it."),
    rows, h("div", { class: "dialog-foot" }, make));
  for (const share of await list(place)) rows.append(row(share));
  if (!rows.childElementCount) make.click();
}

async function copied(input) {
  input.select();
  if (navigator.clipboard) await navigator.clipboard.writeText(input.value);
  else document.execCommand("copy"); // pages that came over plain HTTP from another machine have no clipboard
}

/** Asks before something cannot be undone; `action` runs when the answer is yes. */
export function confirmDialog(title, words, verb, action) {
  const dialog = openDialog(title, h("p", {}, words),
    h("div", { class: "dialog-foot" },
      button(null, "Keep it", () => dialog.close()),
      button("trash", verb, trying(async () => {
        await action();
        dialog.close();
      }), "danger")));
}

const FORMATS = ["ply", "obj", "stl", "glb"];

/** Asks for a format and a resolution, and saves the surface of a shape; of one in the plane its outline. */
export function meshDialog(field) {
  const flat = Boolean(field.links.outline);
  let format = flat ? "svg" : "ply";
  let resolution = flat ? 1024 : 256;
  const address = (field.links.mesh ?? field.links.outline).replace(/\.\w+$/, "");
  const grids = (flat ? [256, 512, 1024] : [128, 256, 512, 1024]).map((cells) => ({ value: cells, label: `${cells}`, hint: `cells along each axis${flat ? "" : "; files grow with their square"}` }));
  const save = button("download", "Download", trying(async () => {
    const found = await (await request("GET", `${address}.${format}?resolution=${resolution}`)).blob();
    const link = h("a", { href: URL.createObjectURL(found), download: `${stem(field.name)}.${format}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    announce(`${link.download} is saved, ${bytes(found.size)}`);
    dialog.close();
  }), "primary");
  const dialog = openDialog(flat ? "Outline" : "Mesh",
    h("p", {}, flat ? "The outline as one path of an SVG drawing, in the units of what was fitted."
      : "The surface as a closed mesh of triangles, in the units of what was fitted."),
    !flat && segments("Format", FORMATS.map((each) => ({ value: each, label: each.toUpperCase() })), format, (value) => {
      format = value;
    }, { visible: true }),
    segments("Resolution", grids, resolution, (value) => {
      resolution = value;
    }, { visible: true }),
    h("div", { class: "dialog-foot" }, save));
}

const PRESETS = [
  { value: "fast", label: "Fast", hint: "a minute for 768 × 512 pixels, more for more" },
  { value: "default", label: "Default", hint: "four minutes for 768 × 512 pixels" },
  { value: "best", label: "Best", hint: "a quarter of an hour for 768 × 512 pixels" },
];

/**
 * Asks for a size, or of a picture for a quality, shows what other formats make of that size, and starts the job; it
 * comes back with the job.
 */
export function compressDialog(field, onjob) {
  const lossless = field.lossless_bytes ?? field.bytes ?? 100_000;
  const ends = [Math.max(500, lossless / 200), lossless];
  const picture = Boolean(field.signal) && field.kind === "image";
  const half = Math.log((field.bytes ?? lossless) / 2 / ends[0]) / Math.log(ends[1] / ends[0]);
  const bySize = h("input", { type: "range", min: 0, max: 1000, "aria-label": "Size" });
  bySize.value = 1000 * Math.min(Math.max(half, 0), 0.6); // half of what it takes now, or less
  const byQuality = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": "Quality" });
  const words = h("output", { class: "figure" });
  const table = h("div", { class: "codecs", "aria-live": "polite" });
  const chosen = { how: field.signal ? "compress" : "recompress", target: "bytes", preset: "default" };
  const anew = () => picture && chosen.how === "compress";
  const target = () => (anew() ? chosen.target : "bytes");
  let wanted = 0;
  let waiting = 0;
  const compare = async () => {
    if (!picture || target() !== "bytes") return;
    if (!table.childElementCount) table.append(h("p", { class: "faint" }, "Making JPEG, WebP and AVIF of that size …"));
    try {
      table.replaceChildren(await codecTable(field, wanted));
    } catch (problem) {
      table.replaceChildren(h("p", { class: "faint" }, problem.message));
    }
  };
  const say = () => {
    const slider = target() === "bytes" ? bySize : byQuality;
    const exact = ends[0] * (ends[1] / ends[0]) ** (bySize.value / 1000);
    wanted = target() === "bytes" ? Number(exact.toPrecision(2)) : Number(byQuality.value);
    words.textContent = target() === "bytes" ? bytes(wanted) : `${wanted} / 100`;
    slider.setAttribute("aria-valuetext", words.textContent);
    clearTimeout(waiting);
    waiting = setTimeout(compare, 300);
  };
  const row = h("div", { class: "size-row" });
  const targets = picture && segments("What is given", [
    { value: "bytes", label: "The size" },
    { value: "quality", label: "The quality", hint: "0 to 100: more is better, and larger" },
  ], chosen.target, (value) => {
    chosen.target = value;
    paint();
  }, { visible: true });
  const presets = picture && segments("Time", PRESETS, chosen.preset, (value) => {
    chosen.preset = value;
  }, { visible: true });
  const paint = () => {
    for (const part of [targets, presets]) if (part) part.hidden = !anew();
    row.replaceChildren(target() === "bytes" ? bySize : byQuality, words);
    table.hidden = target() !== "bytes";
    say();
  };
  for (const slider of [bySize, byQuality]) slider.addEventListener("input", say);
  const dialog = openDialog("Make it smaller",
    h("p", {}, `The field is ${bytes(field.bytes)} at ${quality(field.metrics)}. How ${picture ? "large may it be, or how good" : "large may it be"}?`),
    field.signal && segments("How", [
      { value: "compress", label: "Fit anew", hint: "slower, and better" },
      { value: "recompress", label: "Code this field again", hint: "fast" },
    ], chosen.how, (value) => {
      chosen.how = value;
      paint();
    }, { visible: true }),
    targets, row, table, presets,
    h("div", { class: "dialog-foot" },
      button("smaller", "Compress", trying(async () => {
        const source = chosen.how === "compress" ? { signal: field.signal } : { field: field.id };
        const options = { [target()]: wanted, ...(anew() ? { preset: chosen.preset } : {}) };
        const job = await post("/v1/jobs", { kind: chosen.how, ...source, name: field.name, options });
        dialog.close();
        onjob(job);
      }), "primary")));
  paint();
}
