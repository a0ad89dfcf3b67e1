// Sliders through the axes of a volume or a video that a picture of it leaves out.

import { h } from "./dom.js";

const BETWEEN = 4; // positions of a slider to a sample, since a field is there between samples, too

/**
 * @param field the field's JSON
 * @param {(slice: string) => void} onchange called with the IIIF suffix, as in ";z=0.5"
 */
export function slices(field, onchange) {
  const axes = spare(field);
  const shares = Object.fromEntries(axes.map(({ letter }) => [letter, 0.5]));
  const suffix = () => axes.map(({ letter }) => `;${letter}=${Number(shares[letter].toFixed(6))}`).join("");
  let waiting = 0;
  const rows = axes.map((axis) => {
    const words = h("output", { class: "slice-value" });
    const say = () => {
      const value = axis.low + shares[axis.letter] * (axis.high - axis.low);
      words.textContent = `${value.toPrecision(4)}${axis.unit ? ` ${axis.unit}` : ""}`;
      slider.setAttribute("aria-valuetext", words.textContent);
    };
    const slider = h("input", {
      type: "range", min: 0, max: 1, step: 1 / (BETWEEN * axis.size), value: 0.5,
      oninput: () => {
        shares[axis.letter] = Number(slider.value);
        say();
        clearTimeout(waiting);
        waiting = setTimeout(() => onchange(suffix()), 120);
      },
    });
    say();
    return h("label", { class: "slice" }, h("span", {}, axis.letter), slider, words);
  });
  return { element: rows.length ? h("div", { class: "slices" }, rows) : null, suffix };
}

/** Axes that IIIF calls z or t, with what is known of each, the outermost first. */
function spare({ kind, shape, axes = [] }) {
  const letters = kind === "video" ? ["t"] : ["z", "t"].slice(0, Math.max(0, (shape?.length ?? 0) - 2)).reverse();
  return letters.map((letter, place) => {
    const known = axes.find(({ name }) => name === letter) ?? {};
    return { size: shape[place], low: 0, high: shape[place], unit: "", ...known, letter };
  });
}
