"use strict";
const root = document.documentElement;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];

// light or dark: as the system has it, until it is chosen here
const dark = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
const theme = () => { root.dataset.theme = chosen ?? (dark.matches ? "dark" : "light"); };
dark.addEventListener("change", theme);
document.getElementById("theme").addEventListener("click", () => {
  chosen = root.dataset.theme === "dark" ? "light" : "dark";
  theme();
});
theme();

// which axis, which region
const choose = (attribute, value) => {
  document.body.dataset[attribute] = value;
  all(`button[data-set="${attribute}"]`).forEach((button) => {
    button.setAttribute("aria-pressed", String(button.value === value));
  });
};
all("button[data-set]").forEach((button) => {
  button.addEventListener("click", () => choose(button.dataset.set, button.value));
});

// the table sorts, and the cards with it; what has no number comes last
const table = document.getElementById("standing");
const cards = document.getElementById("cards");
const sortBy = (header) => {
  const column = header.cellIndex;
  const falling = header.getAttribute("aria-sort") ? header.getAttribute("aria-sort") === "ascending" : header.dataset.first === "descending";
  all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const key = (row) => {
    const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    return text === "" ? null : header.dataset.kind === "words" ? text : Number(text);
  };
  const rows = all("tbody tr", table).sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "string" ? a.localeCompare(b) : a - b;
    return falling ? -order : order;
  });
  rows.forEach((row) => {
    row.parentElement.append(row);
    const card = document.getElementById(row.dataset.card);
    if (card) cards.append(card);
  });
};
all("th.sortable", table).forEach((header) => {
  header.tabIndex = 0;
  header.addEventListener("click", () => sortBy(header));
  header.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sortBy(header); }
  });
});

// a row and its curve belong together; a click leads to its pictures
const light = (series, on) => {
  all(".chart[data-curves]").forEach((chart) => chart.classList.toggle("dim", on));
  all("[data-series]").forEach((shape) => shape.classList.toggle("lit", on && shape.dataset.series === series));
  all("tbody tr[data-row]", table).forEach((row) => row.classList.toggle("lit", on && row.dataset.row === series));
};
all("tbody tr[data-row]", table).forEach((row) => {
  row.addEventListener("mouseenter", () => light(row.dataset.row, true));
  row.addEventListener("mouseleave", () => light(row.dataset.row, false));
  const card = document.getElementById(row.dataset.card);
  if (card) row.addEventListener("click", () => {
    if (String(window.getSelection())) return;
    card.scrollIntoView({ block: "center" });
    card.classList.remove("flash");
    void card.offsetWidth;
    card.classList.add("flash");
  });
});
all(".chart[data-curves] [data-series]").forEach((shape) => {
  shape.addEventListener("mouseenter", () => light(shape.dataset.series, true));
  shape.addEventListener("mouseleave", () => light(shape.dataset.series, false));
});

// commands can be copied, also where the page is a file
all("button[data-copy]").forEach((button) => {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
});
