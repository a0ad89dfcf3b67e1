// A sound: its waveform, which is also the slider of its position, and what plays it at a rate of the listener's choice.

import { get } from "./api.js";
import { complain, h, icon } from "./dom.js";
import { duration } from "./format.js";
import { segments } from "./segments.js";

const COLUMNS = 1200;
const RATES = [8000, 22050, 44100, 96000]; // a field has no rate of its own: it is heard at any

/** @param field the field's JSON, of kind audio */
export function soundStage(field) {
  const canvas = h("canvas", { class: "wave-canvas", "aria-hidden": "true" });
  const seek = h("input", { type: "range", min: 0, max: 1, step: 0.001, value: 0, class: "wave-seek", "aria-label": "Position in the sound" });
  const audio = h("audio", { preload: "metadata" });
  const time = h("span", { class: "wave-time" }, "0:00");
  const play = h("button", { type: "button", class: "button primary", "aria-label": "Play" }, icon("play"), h("span", {}, "Play"));
  let peaks = [];
  let frame = 0;

  const source = (rate) => {
    const at = audio.currentTime;
    const playing = !audio.paused;
    audio.src = `${field.links.wav}?rate=${rate}`;
    audio.currentTime = at;
    if (playing) audio.play().catch(complain);
  };
  const show = () => {
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    seek.value = share;
    seek.setAttribute("aria-valuetext", `${duration(audio.currentTime)} of ${duration(audio.duration || 0)}`);
    time.textContent = `${clock(audio.currentTime)} / ${clock(audio.duration || 0)}`;
    drawWave(canvas, peaks, share);
  };
  const tick = () => {
    show();
    if (!audio.paused) frame = requestAnimationFrame(tick);
  };
  const state = () => {
    const words = audio.paused ? "Play" : "Pause";
    play.replaceChildren(icon(audio.paused ? "play" : "pause"), h("span", {}, words));
    play.setAttribute("aria-label", words);
    cancelAnimationFrame(frame);
    tick();
  };
  audio.addEventListener("play", state);
  audio.addEventListener("pause", state);
  audio.addEventListener("loadedmetadata", show);
  audio.addEventListener("error", () => complain({ title: "The sound cannot be played", detail: "The browser could not read what the field was rendered to." }));
  play.addEventListener("click", () => (audio.paused ? audio.play().catch(complain) : audio.pause()));
  seek.addEventListener("input", () => {
    if (audio.duration) audio.currentTime = Number(seek.value) * audio.duration;
    show();
  });

  const own = Math.round(field.rate ?? rateOf(field));
  const rates = [...new Set([...RATES, own])].sort((one, other) => one - other);
  const element = h("div", { class: "stage stage-sound", role: "group", "aria-label": `Sound of ${field.name}` },
    h("div", { class: "wave" }, canvas, seek),
    h("div", { class: "wave-controls" },
      play, time,
      segments("Rate in kHz", rates.map((rate) => ({ value: rate, label: `${+(rate / 1000).toFixed(2)}`, hint: `${rate} samples a second${rate === own ? ", as it was recorded" : ""}` })), own, source, { visible: true })),
    audio);
  const resizing = new ResizeObserver(show);
  return {
    element,
    async start() {
      source(own);
      resizing.observe(canvas);
      const answer = await get(`${field.links.peaks}?n=${COLUMNS}`);
      peaks = answer.peaks ?? answer;
      show();
    },
    stop() {
      resizing.disconnect();
      cancelAnimationFrame(frame);
      audio.pause();
      audio.removeAttribute("src");
    },
  };
}

/** The rate at which the sound was sampled: samples over seconds. */
function rateOf(field) {
  const [axis] = field.axes ?? [];
  return axis && axis.high > axis.low ? axis.size / (axis.high - axis.low) : 44100;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function drawWave(canvas, peaks, share) {
  const scale = devicePixelRatio;
  const width = (canvas.width = canvas.clientWidth * scale);
  const height = (canvas.height = canvas.clientHeight * scale);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const [played, rest] = [style.getPropertyValue("accent-color"), style.color];
  const loudest = Math.max(1e-6, ...peaks.flat().map(Math.abs));
  const bars = Math.max(1, Math.floor(width / (3 * scale)));
  for (let bar = 0; bar < bars; bar += 1) {
    const part = peaks.slice(Math.floor((bar * peaks.length) / bars), Math.max(Math.floor(((bar + 1) * peaks.length) / bars), Math.floor((bar * peaks.length) / bars) + 1));
    const low = Math.min(...part.map(([least]) => least)) / loudest;
    const high = Math.max(...part.map(([, most]) => most)) / loudest;
    if (!Number.isFinite(low)) continue;
    pen.fillStyle = bar / bars <= share ? played : rest;
    const top = (0.5 - 0.46 * high) * height;
    pen.fillRect(bar * 3 * scale, top, 2 * scale, Math.max(scale, 0.46 * (high - low) * height));
  }
}
