// A select of finished picture fields, for views that show one or two of them.

import { list } from "./api.js";
import { h } from "./dom.js";
import { bytes, quality } from "./format.js";

/** The finished fields that can be drawn, newest first. */
export const drawable = async (signal) =>
  (await list("/v1/jobs?state=done&limit=50", { signal })).filter((job) => job.links.iiif);

/**
 * @param {string} label
 * @param {{value: string, label: string}[]} choices
 */
export function picker(label, choices, chosen, onchange) {
  const select = h("select", { onchange: () => onchange(select.value) },
    choices.map(({ value, label: words }) => h("option", { value, ".selected": value === chosen }, words)));
  return h("label", { class: "picker" }, h("span", { class: "label" }, label), select);
}

export const describe = (job) => `${job.name}, ${quality(job.metrics)}, ${bytes(job.metrics?.bytes)}`;

/** What such a view shows where nothing is finished. */
export const nothingYet = (words) =>
  h("div", { class: "empty" },
    h("h1", { tabindex: -1 }, words),
    h("p", {}, "As soon as a fit of a picture is done, it can be seen here."),
    h("a", { class: "button primary", href: "#/" }, "Fit something"));
