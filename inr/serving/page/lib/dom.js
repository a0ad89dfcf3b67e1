// Elements, icons, and what is said to everybody: notices for the eye and announcements for the ear.

/** An element: attributes, `on…` listeners, properties by `.name`, and children, of which null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith(".")) element[name.slice(1)] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  return fill(element, ...children);
}

/** Gives an element these children in place of what it had; null, undefined and false are left out. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  fit: "M4 20h4v-5h4v-4c0-4 3-7 8-7",
  compare: "M12 3v18M8 6H4v12h4M16 6h4v12h-4",
  zoom: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16 16l5 5M11 8v6M8 11h6",
  library: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  light: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  dark: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  home: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  full: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  grid: "M4 9h16M4 15h16M9 4v16M15 4v16M4 4h16v16H4z",
  mesh: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  share: "M12 15V4M8 7l4-4 4 4M6 11H5v9h14v-9h-1",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  smaller: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  play: "M7 4.5v15l12-7.5z",
  again: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l5 5L19 7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  upload: "M12 16V4M7 8l5-5 5 5M4 15v5h16v-5",
  warn: "M12 4L2.5 20h19zM12 10v4.5M12 17v.5",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16 16l5 5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
};

/** A drawn sign of one colour, hidden from screen readers: the words stand beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with a sign before its words. */
export function button(sign, words, onclick, kind = "") {
  return h("button", { type: "button", class: `button ${kind}`, onclick }, sign && icon(sign), words);
}

/** A button that is only a sign; its words are its name and its tooltip. */
export function iconButton(sign, words, onclick, attributes = {}) {
  return h("button", { type: "button", class: "icon-button", title: words, "aria-label": words, onclick, ...attributes },
    icon(sign));
}

/** Says something to screen readers, once. */
export function announce(words) {
  document.getElementById("announcer").textContent = words;
}

/** Takes away what went wrong before, when something new is tried. */
export function forgive() {
  document.getElementById("notices").replaceChildren();
}

/** Shows what went wrong, as the problem says it, until it is closed. */
export function complain(problem) {
  if (problem.name === "AbortError") return;
  const box = h("div", { class: "notice" },
    icon("warn"),
    h("div", {},
      h("strong", {}, problem.title ?? "That did not work"),
      h("p", {}, problem.detail ?? problem.message)),
    iconButton("close", "Close", () => box.remove()));
  const notices = document.getElementById("notices");
  while (notices.childElementCount > 2) notices.firstElementChild.remove();
  notices.append(box);
}

/** Runs what a press starts, and shows its problem if it has one. */
export function trying(action) {
  return async (event) => {
    const pressed = event?.currentTarget;
    if (pressed?.getAttribute("aria-busy") === "true") return;
    pressed?.setAttribute("aria-busy", "true");
    try {
      await action(event);
    } catch (problem) {
      complain(problem);
    } finally {
      pressed?.removeAttribute("aria-busy");
    }
  };
}

/** A dialog over the page with a title and a closing button; it leaves the page when it is closed. */
export function openDialog(title, ...content) {
  const dialog = h("dialog", { class: "dialog", "aria-label": title, onclose: () => dialog.remove() },
    h("div", { class: "dialog-head" },
      h("h2", {}, title),
      iconButton("close", "Close", () => dialog.close())),
    ...content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
