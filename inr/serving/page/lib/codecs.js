// What other formats make of the same picture at a size.

import { get } from "./api.js";
import { h } from "./dom.js";
import { bytes, decibels, quality } from "./format.js";

const NAMES = { png: "PNG", jpeg: "JPEG", webp: "WebP", avif: "AVIF" };

/**
 * A table of other formats at about a size.
 * @param field the field's JSON; its signal has to be there, and a picture
 * @param {number} size in bytes
 * @param {boolean} beside whether the field itself stands in the first row
 */
export async function codecTable(field, size, beside = false) {
  const { items } = await get(`/v1/signals/${field.signal}/codecs?bytes=${size}`);
  const rows = items.map((row) => [NAMES[row.format.toLowerCase()] ?? row.format, bytes(row.bytes), row.psnr === null ? "exact" : decibels(row.psnr)]);
  if (beside) rows.unshift(["This field", bytes(field.bytes), quality(field.metrics)]);
  return h("table", { class: beside ? "own-first" : "" },
    h("caption", {}, beside ? "Beside other formats of that size" : "The same picture in other formats"),
    h("thead", {}, h("tr", {}, ["Format", "Size", "PSNR"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map(([name, ...figures]) =>
      h("tr", {}, h("th", { scope: "row" }, name), figures.map((words) => h("td", {}, words))))));
}
