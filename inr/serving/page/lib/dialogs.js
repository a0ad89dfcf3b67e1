// The dialogs that a finished field offers: sharing, a smaller size, deleting.

import { announce, button, h, iconButton, openDialog, trying } from "./dom.js";
import { list, post, remove } from "./api.js";
import { codecTable } from "./codecs.js";
import { bytes, quality } from "./format.js";
import { linkTo } from "./model.js";
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

/** Asks for a size, shows what other formats make of it, and starts the job; it comes back with the job. */
export function compressDialog(field, onjob) {
  const lossless = field.lossless_bytes ?? field.bytes ?? 100_000;
  const ends = [Math.max(500, lossless / 200), lossless];
  const slider = h("input", { type: "range", min: 0, max: 1000, "aria-label": "Size" });
  const half = Math.log((field.bytes ?? lossless) / 2 / ends[0]) / Math.log(ends[1] / ends[0]);
  slider.value = 1000 * Math.min(Math.max(half, 0), 0.6); // half of what it takes now, or less
  const words = h("output", { class: "figure" });
  const table = h("div", { class: "codecs", "aria-live": "polite" });
  let how = field.signal ? "compress" : "recompress";
  let wanted = 0;
  let waiting = 0;
  const compare = async () => {
    if (!field.signal || field.kind !== "image") return;
    if (!table.childElementCount) table.append(h("p", { class: "faint" }, "Making JPEG, WebP and AVIF of that size …"));
    try {
      table.replaceChildren(await codecTable(field, wanted));
    } catch (problem) {
      table.replaceChildren(h("p", { class: "faint" }, problem.message));
    }
  };
  const say = () => {
    const exact = ends[0] * (ends[1] / ends[0]) ** (slider.value / 1000);
    wanted = Number(exact.toPrecision(2));
    words.textContent = bytes(wanted);
    slider.setAttribute("aria-valuetext", words.textContent);
    clearTimeout(waiting);
    waiting = setTimeout(compare, 300);
  };
  slider.addEventListener("input", say);
  const dialog = openDialog("Make it smaller",
    h("p", {}, `The field is ${bytes(field.bytes)} at ${quality(field.metrics)}. How large may it be?`),
    h("div", { class: "size-row" }, slider, words),
    table,
    field.signal && segments("How", [
      { value: "compress", label: "Fit anew for that size", hint: "slower, and better" },
      { value: "recompress", label: "Code this field again", hint: "fast" },
    ], how, (value) => {
      how = value;
    }, { visible: true }),
    h("div", { class: "dialog-foot" },
      button("smaller", "Compress", trying(async () => {
        const source = how === "compress" ? { signal: field.signal } : { field: field.id };
        const job = await post("/v1/jobs", { kind: how, ...source, name: field.name, options: { bytes: wanted } });
        dialog.close();
        onjob(job);
      }), "primary")));
  say();
}
