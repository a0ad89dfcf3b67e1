// A row of choices of which one holds: radio buttons, so that arrow keys work.

import { h } from "./dom.js";

let count = 0;

/**
 * @param {string} legend its name for screen readers, and for the eye if `visible`
 * @param {{value: any, label: string, hint?: string}[]} choices
 * @param {(value: any) => void} onchange
 */
export function segments(legend, choices, chosen, onchange, { visible = false } = {}) {
  const name = `segments-${(count += 1)}`;
  return h("fieldset", { class: "segments" },
    h("legend", { class: visible ? "" : "sr" }, legend),
    h("div", { class: "segments-row" },
      choices.map(({ value, label, hint }) =>
        h("label", { class: "segment", title: hint },
          h("input", { type: "radio", name, ".checked": value === chosen, onchange: () => onchange(value) }),
          h("span", {}, label)))));
}
