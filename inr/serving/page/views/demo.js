// A recorded fit that plays once: the cat sharpens, and a lens shows its eye as pixels and as the function.

import { button, h } from "../lib/dom.js";

// Steps, seconds and PSNR of a fit of the example by one processor; tools/page_demo.py records them with the frames.
const COURSE = [[1, 0.1, 16.8], [6, 0.1, 18.4], [14, 0.2, 22.7], [26, 0.4, 28.2], [45, 0.6, 34.1], [80, 1.0, 39.2], [1500, 14.5, 52.3]];
const FRAME = 480; // milliseconds: the whole takes less than five seconds

export function demo() {
  const frames = COURSE.map((_, index) => h("img", { src: `demo/${index}.webp`, alt: "", class: "demo-frame", width: 451, height: 300 }));
  const figures = h("p", { class: "demo-figures", "aria-hidden": "true" });
  const again = button("again", "Play again", () => play());
  const element = h("figure", { class: "demo" },
    h("div", { class: "demo-stage", role: "img", "aria-label": "A recorded fit: a photograph of a cat sharpens from a blur to 52 dB in 1,500 steps. A lens over its eye shows square pixels on the left and a smooth function on the right." },
      frames,
      h("div", { class: "demo-mark" }),
      h("div", { class: "demo-lens" },
        h("img", { src: "demo/eye-pixels.png", alt: "", class: "demo-pixels" }),
        h("img", { src: "demo/eye.webp", alt: "", class: "demo-field" }),
        h("span", { class: "demo-left" }, "pixels"),
        h("span", { class: "demo-right" }, "function")),
      h("div", { class: "demo-bar" }, h("span"))),
    h("figcaption", {}, figures, again));
  const bar = element.querySelector(".demo-bar span");
  let timer = 0;
  const at = (index) => {
    frames.forEach((frame, number) => frame.classList.toggle("shown", number <= index));
    const [step, seconds, psnr] = COURSE[index];
    figures.replaceChildren(h("b", {}, psnr.toFixed(1)), " dB", h("span", {}, `step ${step.toLocaleString("en")}`), h("span", {}, `${seconds.toFixed(1)} s`));
    bar.style.width = `${(100 * (index + 1)) / COURSE.length}%`;
    element.classList.toggle("finished", index === COURSE.length - 1);
  };
  const play = () => {
    clearInterval(timer);
    let index = 0;
    at(0);
    timer = setInterval(() => {
      index += 1;
      at(index);
      if (index === COURSE.length - 1) clearInterval(timer);
    }, FRAME);
  };
  return {
    element,
    start(signal) {
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) at(COURSE.length - 1);
      else play();
      signal.addEventListener("abort", () => clearInterval(timer));
    },
  };
}
