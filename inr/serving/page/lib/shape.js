// The stage of a shape: a picture that turns where it is dragged, by sliders and by keys. The service draws every angle.

import { complain, h } from "./dom.js";
import { request } from "./api.js";
import { segments } from "./segments.js";

const STEP = 5; // degrees between pictures, of which each is drawn once
const DRAGGED = 0.5; // degrees for a pixel
const COARSE = 224; // pixels a side while it is turned
const FINE = 768;
const STILL = 250; // milliseconds
const HIGHEST = 85;

/** @param field the field's JSON, of kind shape */
export function shapeStage(field) {
  const image = h("img", { class: "shape-picture", alt: "", draggable: "false", src: field.links.preview });
  const angle = { azimuth: 35, elevation: 20, up: "y" };
  const solid = Boolean(field.links.mesh);
  let drawing = false;
  let next = null;
  let waiting = 0;
  let shown = null;

  const draw = async (size) => {
    if (drawing) {
      next = size;
      return;
    }
    drawing = true;
    const asked = solid ? { ...angle, size } : { size };
    try {
      const picture = await (await request("GET", `${field.links.view}?${new URLSearchParams(asked)}`)).blob();
      const old = shown;
      shown = URL.createObjectURL(picture);
      image.src = shown;
      await image.decode().catch(() => {});
      if (old) URL.revokeObjectURL(old);
    } catch (problem) {
      complain(problem);
    } finally {
      drawing = false;
    }
    const wanted = next;
    next = null;
    if (wanted) await draw(wanted);
  };
  const turn = () => {
    draw(COARSE);
    clearTimeout(waiting);
    waiting = setTimeout(() => draw(FINE), STILL);
  };

  const slider = (name, label, least, most) => {
    const words = h("output", { class: "slice-value" });
    const input = h("input", { type: "range", min: least, max: most, step: STEP, oninput: () => set(name, Number(input.value)) });
    const say = () => {
      input.value = angle[name];
      words.textContent = `${angle[name]}°`;
      input.setAttribute("aria-valuetext", `${angle[name]} degrees`);
    };
    say();
    return { row: h("label", { class: "slice slice-angle" }, h("span", {}, label), input, words), say };
  };
  const set = (name, value) => {
    if (angle[name] === value) return;
    angle[name] = value;
    for (const { say } of sliders) say();
    turn();
  };
  const sliders = solid ? [slider("azimuth", "Turn", 0, 360 - STEP), slider("elevation", "Tilt", -HIGHEST, HIGHEST)] : [];

  const stage = h("div", { class: `stage ${solid ? "stage-shape turns" : ""}`, role: "group", "aria-label": `The shape of ${field.name}` }, image);
  if (solid) drags(stage, angle, (azimuth, elevation) => {
    set("azimuth", ((snapped(azimuth) % 360) + 360) % 360);
    set("elevation", Math.max(-HIGHEST, Math.min(HIGHEST, snapped(elevation))));
  });
  const up = segments("Up", ["x", "y", "z"].map((axis) => ({ value: axis, label: axis, hint: `the ${axis} axis points upwards` })), angle.up, (axis) => set("up", axis), { visible: true });
  const words = "The distance from the outline: inside blue, outside brown, with lines of equal distance.";
  return {
    element: h("div", { class: "look" }, stage,
      solid ? h("div", { class: "angles" }, h("div", { class: "slices" }, sliders.map(({ row }) => row)), up) : h("p", { class: "hint" }, words)),
    async start() {
      if (!field.links.preview) await draw(COARSE);
      await draw(FINE);
    },
    stop() {
      clearTimeout(waiting);
      if (shown) URL.revokeObjectURL(shown);
    },
  };
}

const snapped = (degrees) => STEP * Math.round(degrees / STEP);

/** Turns by a pointer that is pressed and moved: to the right and down, as if the shape were held. */
function drags(stage, angle, turned) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, azimuth: angle.azimuth, elevation: angle.elevation };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    turned(from.azimuth - DRAGGED * (event.clientX - from.x), from.elevation + DRAGGED * (event.clientY - from.y));
  });
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, () => {
    from = null;
  });
}
