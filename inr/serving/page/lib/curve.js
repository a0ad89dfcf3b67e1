// PSNR over seconds, as a curve that grows and as a table.

/* global uPlot */
import { h } from "./dom.js";

const ROWS = 12;

export class Curve {
  constructor() {
    this.plot = h("div", { class: "curve-plot", role: "img", "aria-label": "PSNR over seconds" });
    this.body = h("tbody");
    this.element = h("figure", { class: "curve" },
      h("figcaption", {}, "PSNR over time"),
      this.plot,
      h("details", { class: "plain" },
        h("summary", {}, "As a table"),
        h("table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Seconds"), h("th", { scope: "col" }, "PSNR in dB"))),
          this.body)));
    this.points = [];
  }

  start() {
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.#make();
    this.theme.addEventListener("change", this.repaint);
    addEventListener("inr-theme", this.repaint);
    this.resizing = new ResizeObserver(() => this.chart?.setSize(this.#size()));
    this.resizing.observe(this.plot);
    this.#make();
    return this;
  }

  stop() {
    this.theme.removeEventListener("change", this.repaint);
    removeEventListener("inr-theme", this.repaint);
    this.resizing.disconnect();
    this.chart?.destroy();
  }

  /** @param {[number, number][]} points seconds and dB */
  set(points) {
    this.points = points.filter(([seconds, psnr]) => Number.isFinite(seconds) && Number.isFinite(psnr));
    this.#update();
  }

  add(seconds, psnr) {
    if (!Number.isFinite(psnr) || seconds <= (this.points.at(-1)?.[0] ?? -1)) return;
    this.points.push([seconds, psnr]);
    this.#update();
  }

  #size = () => ({ width: Math.max(this.plot.clientWidth, 120), height: Math.max(this.plot.clientHeight, 100) });

  #columns = () => [this.points.map(([seconds]) => seconds), this.points.map(([, psnr]) => psnr)];

  #update() {
    this.element.hidden = !this.points.length;
    this.chart?.setData(this.#columns());
    const every = Math.max(1, Math.ceil(this.points.length / ROWS));
    const rows = this.points.filter((_, index) => index % every === 0 || index === this.points.length - 1);
    this.body.replaceChildren(...rows.map(([seconds, psnr]) => h("tr", {}, h("td", {}, seconds.toFixed(1)), h("td", {}, psnr.toFixed(2)))));
    const last = this.points.at(-1);
    if (last) this.plot.setAttribute("aria-label", `PSNR over seconds: ${last[1].toFixed(1)} dB after ${last[0].toFixed(1)} seconds`);
  }

  #make() {
    this.chart?.destroy();
    const colour = (name) => getComputedStyle(this.plot).getPropertyValue(name).trim();
    const probe = (name) => {
      this.plot.style.color = `var(${name})`;
      const value = getComputedStyle(this.plot).color;
      this.plot.style.color = "";
      return value;
    };
    const [ink, line, accent] = ["--soft", "--line", "--accent"].map(probe);
    const axis = { stroke: ink, font: `11px ${colour("--mono")}`, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    this.chart = new uPlot({
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false, points: { size: 7 } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 26, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
        { ...axis, size: 34, values: (_, ticks) => ticks.map((tick) => `${tick}`) },
      ],
      series: [{}, { stroke: accent, width: 2.5, points: { show: false }, fill: (u) => wash(u, accent) }],
      padding: [8, 18, 0, 0],
    }, this.#columns(), this.plot);
  }
}

function wash(chart, colour) {
  const gradient = chart.ctx.createLinearGradient(0, chart.bbox.top, 0, chart.bbox.top + chart.bbox.height);
  const [red, green, blue] = colour.match(/[\d.]+/g);
  gradient.addColorStop(0, `rgba(${red}, ${green}, ${blue}, 0.22)`);
  gradient.addColorStop(1, `rgba(${red}, ${green}, ${blue}, 0)`);
  return gradient;
}
