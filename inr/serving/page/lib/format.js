// Numbers as people read them.

/** 12.3 kB of 12 345; decimal units, three figures. */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`;
}

export const decibels = (value) =>
  value === null || value === undefined ? "–" : `${value.toFixed(1)} dB`;

/** PSNR of what is finished; it is infinite, which JSON cannot say, where nothing is off. Of shapes, how far insides overlap. */
export function quality(metrics) {
  if (metrics?.kind === "shape") return metrics.iou == null ? "–" : `IoU ${metrics.iou.toFixed(4)}`;
  return metrics?.psnr == null && metrics?.max_error === 0 ? "exact" : decibels(metrics?.psnr);
}

/** "40 s", "2 min 5 s", "3 h 10 min". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds < 0.05 ? 0 : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

export function ordinal(number) {
  const tail = number % 100;
  const ending = tail > 10 && tail < 14 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[number % 10] ?? "th");
  return `${number}${ending}`;
}

/** 451 × 300 of a picture's shape, whose rows come first in arrays. */
export const size = (shape) => (shape?.length ? [...shape].reverse().map((n) => n.toLocaleString("en")).join(" × ") : "");

export const whole = (number) => (number ?? 0).toLocaleString("en");

/** How many times smaller than without loss. */
export function ratio(lossless, count) {
  if (!lossless || !count) return null;
  const times = lossless / count;
  return times >= 1 ? `${times.toFixed(times < 10 ? 1 : 0)}× smaller` : null;
}

export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (seconds < 3600) return words.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86_400) return words.format(-Math.round(seconds / 3600), "hour");
  return words.format(-Math.round(seconds / 86_400), "day");
}
