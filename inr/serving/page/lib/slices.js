// Sliders through the axes of a volume or a video that a picture of it leaves out.

import { h } from "./dom.js";

const BETWEEN = 4; // positions of a slider to a sample, since a field is there between samples, too

/**
 * @param field the field's JSON
 * @param {(slice: string) => void} onchange called with the IIIF suffix, as in ";z=0.5"
 */
export function slices(field, onchange) {
  const axes = (field.axes ?? []).slice(0, Math.max(0, field.shape.length - 2));
  const shares = Object.fromEntries(axes.map((axis) => [axis.name, 0.5]));
  const suffix = () => axes.map((axis) => `;${axis.name}=${shares[axis.name]}`).join("");
  let waiting = 0;
  const rows = axes.map((axis) => {
    const words = h("output", { class: "slice-value" });
    const say = () => {
      const value = axis.low + shares[axis.name] * (axis.high - axis.low);
      words.textContent = `${value.toPrecision(4)}${axis.unit ? ` ${axis.unit}` : ""}`;
      slider.setAttribute("aria-valuetext", words.textContent);
    };
    const slider = h("input", {
      type: "range", min: 0, max: 1, step: 1 / (BETWEEN * axis.size), value: 0.5,
      oninput: () => {
        shares[axis.name] = Number(slider.value);
        say();
        clearTimeout(waiting);
        waiting = setTimeout(() => onchange(suffix()), 120);
      },
    });
    say();
    return h("label", { class: "slice" }, h("span", {}, axis.name), slider, words);
  });
  return { element: rows.length ? h("div", { class: "slices" }, rows) : null, suffix };
}
