// A picture or field that can be zoomed by wheel, pinch, keys and buttons, over OpenSeadragon, with a rule in pixels.

/* global OpenSeadragon */
import { get } from "./api.js";
import { h, iconButton } from "./dom.js";

const FARTHEST = 64; // how many times larger than the field its canvas is
const CANVAS = 2 ** 20; // the longest side that the service draws
const ZOOM_KEYS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, _: 1 / 1.5 };
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/**
 * What OpenSeadragon draws of a IIIF image, as a canvas that goes beyond its pixels.
 * @param {string} link the address of the image's info.json
 * @param {number[]} shape rows and columns last
 * @param {{quality?: string, slice?: string}} options
 */
export async function tiles(link, shape, { quality = "default", slice = "" } = {}) {
  let times = FARTHEST;
  while (times > 1 && times * Math.max(...shape.slice(-2)) > CANVAS) times /= 2;
  const path = `${link.replace(/\/info\.json$/, "")}${slice}@${times}x`;
  const info = await get(`${path}/info.json`);
  // The address in info.json is the configured one, which need not be the one that this page was reached by.
  return { ...info, id: new URL(path, location.href).href, version: 3, tileQuality: quality };
}

// OpenSeadragon adds a sheet that hides where the focus is on phones, which the page's policy blocks and reports, unless
// there is one of its name; an element of no namespace has the name and is no sheet.
const sheet = document.createElementNS(null, "style");
sheet.setAttribute("data-openseadragon-mobile-css", "");
document.head.append(sheet);

export class Viewer {
  /** @param {string} label what is seen, for screen readers */
  constructor(label) {
    this.columns = null;
    this.layers = new Map();
    this.rule = h("div", { class: "rule", hidden: true }, h("span", { class: "rule-bar" }), h("span", { class: "rule-text" }));
    this.canvas = h("div", { class: "stage-canvas" });
    this.element = h("div", { class: "stage", role: "group", "aria-label": label },
      this.canvas,
      this.rule,
      h("div", { class: "stage-tools" },
        iconButton("plus", "Zoom in", () => this.#zoom(2)),
        iconButton("minus", "Zoom out", () => this.#zoom(0.5)),
        iconButton("home", "Show all", () => this.home()),
        document.fullscreenEnabled && iconButton("full", "Full screen", () => this.fullScreen())));
    this.lead = () => {};
  }

  /** Begins to draw; the element has to be on the page. */
  start() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.osd = new OpenSeadragon.Viewer({
      element: this.canvas,
      drawer: "canvas",
      showNavigationControl: false,
      animationTime: still ? 0 : 0.5,
      blendTime: still ? 0 : 0.15,
      maxZoomPixelRatio: 1.5,
      minZoomImageRatio: 0.6,
      visibilityRatio: 0.4,
      imageLoaderLimit: 4,
      tileRetryMax: 4, // a busy server asks to come again
      tileRetryDelay: 1000,
      maxImageCacheCount: 300,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      keyboardNavEnabled: true,
      tabIndex: 0,
    });
    const plane = this.osd.canvas;
    plane.setAttribute("role", "application");
    plane.setAttribute("aria-label", `${this.element.getAttribute("aria-label")}: arrow keys move, plus and minus zoom, 0 shows all`);
    this.osd.addHandler("canvas-key", (event) => {
      this.lead();
      const { key, code, ctrlKey, metaKey } = event.originalEvent;
      const times = ctrlKey || metaKey ? null : ZOOM_KEYS[key];
      // Letters belong to the page, and turning or mirroring the picture is not offered.
      if (times || /^Key/.test(code)) event.preventDefaultAction = true;
      if (times) this.#zoom(times);
    });
    for (const touch of ["canvas-press", "canvas-scroll", "canvas-pinch", "canvas-double-click"]) {
      this.osd.addHandler(touch, () => this.lead());
    }
    this.osd.addHandler("viewport-change", () => this.#measure());
    this.osd.addHandler("resize", () => this.#measure());
    return this;
  }

  stop() {
    this.osd?.destroy();
    this.osd = null;
  }

  #zoom(times) {
    this.lead();
    this.osd.viewport.zoomBy(times);
    this.osd.viewport.applyConstraints();
  }

  home() {
    this.lead();
    this.osd.viewport.goHome();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen();
  }

  /**
   * Draws a source in a layer of that name, in place of the one that was there once it is loaded.
   * @param {{opacity?: number, program?: import("./program.js").Program}} options what draws its finest tiles
   * @returns the tiled image, or null where the viewer has gone
   */
  async draw(name, tileSource, { opacity = 1, program = null } = {}) {
    const item = await new Promise((resolve, reject) => {
      this.osd.addTiledImage({ tileSource, width: 1, opacity, error: reject, success: (event) => {
        program?.draws(event.item.source, this.columns);
        resolve(event.item);
      } });
    });
    if (!this.osd) return null;
    const first = this.osd.world.getItemCount() === 1;
    const old = this.layers.get(name);
    if (old) this.#under(item, old);
    this.layers.set(name, item);
    if (first) this.osd.viewport.goHome(true);
    this.#measure();
    return item;
  }

  /** Draws a whole picture, as the previews of a running fit. */
  async picture(url) {
    if (this.loading) {
      this.waiting = url;
      return;
    }
    this.loading = true;
    try {
      await this.draw("picture", { type: "image", url, buildPyramid: false });
    } finally {
      this.loading = false;
    }
    const next = this.waiting;
    this.waiting = null;
    if (next && this.osd) await this.picture(next);
  }

  show(name, opacity) {
    this.layers.get(name)?.setOpacity(opacity);
  }

  erase(name) {
    const item = this.layers.get(name);
    if (item) this.osd.world.removeItem(item);
    this.layers.delete(name);
  }

  /** Shows a layer only to the right of a line, at a share of the width from the left. */
  split(name, share) {
    this.cut = { name, share };
    this.#clip();
  }

  #clip() {
    const item = this.cut && this.layers.get(this.cut.name);
    if (!item) return;
    const across = this.osd.viewport.getContainerSize().x * this.cut.share;
    const { x } = this.osd.viewport.viewerElementToViewportCoordinates(new OpenSeadragon.Point(across, 0));
    const full = item.getContentSize();
    const left = Math.min(Math.max(x * full.x, 0), full.x);
    item.setClip(new OpenSeadragon.Rect(left, 0, full.x - left, full.y));
    item.setOpacity(left < full.x ? 1 : 0);
  }

  // The old item is drawn until the new one has what it needs, so that nothing flashes.
  #under(item, old) {
    const remove = () => this.osd?.world.removeItem(old);
    if (item.getFullyLoaded()) remove();
    else item.addOnceHandler("fully-loaded-change", remove);
  }

  #measure() {
    if (!this.osd) return;
    this.#clip();
    if (!this.columns || !this.osd.world.getItemCount()) return;
    const pixel = (this.osd.viewport.getZoom(true) * this.osd.viewport.getContainerSize().x) / this.columns;
    const count = pixel >= 36 && pixel <= 220 ? 1 : STEPS.find((step) => step * pixel >= 56) ?? STEPS.at(-1);
    const [bar, text] = this.rule.children;
    bar.style.width = `${Math.round(count * pixel)}px`;
    text.textContent = `${count} pixel${count > 1 ? "s" : ""}`;
    this.rule.hidden = false;
  }
}

/** Lets viewers show the same place: whichever was touched last leads. */
export function together(viewers) {
  for (const viewer of viewers) {
    viewer.lead = () => {
      viewers.leader = viewer;
    };
    viewer.osd.addHandler("viewport-change", () => {
      if (viewers.leader !== viewer) return;
      const { viewport } = viewer.osd;
      for (const other of viewers.filter((one) => one !== viewer && one.osd)) {
        other.osd.viewport.zoomTo(viewport.getZoom(true), null, true);
        other.osd.viewport.panTo(viewport.getCenter(true), true);
      }
    });
  }
}
