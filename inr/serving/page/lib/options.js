// What a fit is asked for: a budget in one row, and below it the parts in a disclosure.

import { get } from "./api.js";
import { h } from "./dom.js";
import { segments } from "./segments.js";

const BUDGETS = [
  { value: 10, label: "10 s" },
  { value: 30, label: "30 s" },
  { value: 120, label: "2 min" },
  { value: null, label: "As it needs", hint: "as many steps as suit the signal" },
];
const PARTS = [
  ["preset", "presets", "As published", "none"],
  ["encoding", "encodings", "Encoding", "what suits the signal"],
  ["activation", "activations", "Activation", "what suits the encoding"],
  ["network", "networks", "Network", "what suits the others"],
  ["teacher", "teachers", "Teacher", "uniform"],
];

const last = { seconds: 30 };
let offered = null;

/**
 * @param {object} given options to begin with, as of an earlier job
 * @returns {{budget: HTMLElement, parts: HTMLElement, options: () => object}}
 */
export function optionsForm(given = last) {
  const chosen = { ...given };
  const budget = segments("Time for the fit", BUDGETS, chosen.seconds ?? null, (value) => {
    chosen.seconds = value;
  }, { visible: true });
  const fields = h("div", { class: "part-grid" });
  const fill = async () => {
    offered ??= await get("/v1/parts").catch(() => null);
    if (!offered || fields.childElementCount) return;
    fields.append(...PARTS.map(([option, kind, label, otherwise]) => partSelect(option, offered[kind] ?? [], label, otherwise, chosen)));
  };
  const parts = h("details", { class: "disclosure", ontoggle: fill },
    h("summary", {}, "Choose the parts", h("span", { class: "faint" }, "encoding, activation, network, teacher")),
    fields);
  return {
    budget,
    parts,
    options() {
      const options = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== null && value !== ""));
      Object.assign(last, { preset: null, encoding: null, activation: null, network: null, teacher: null, seconds: null }, options);
      return options;
    },
  };
}

function partSelect(option, entries, label, otherwise, chosen) {
  const hint = h("p", { class: "hint", id: `hint-${option}` });
  const select = h("select", { "aria-describedby": hint.id },
    h("option", { value: "" }, otherwise === "none" ? "None" : `Default: ${otherwise}`),
    entries.map(({ name }) => h("option", { value: name }, name)));
  const given = chosen[option] ?? "";
  if (given && !entries.some(({ name }) => name === given)) select.append(h("option", { value: given }, given));
  select.value = given;
  const say = () => {
    chosen[option] = select.value || null;
    hint.textContent = entries.find(({ name }) => name === select.value)?.title ?? "";
  };
  select.addEventListener("change", say);
  say();
  return h("div", { class: "part" }, h("label", {}, h("span", { class: "label" }, label), select), hint);
}
