// The first page: drop a file, or try the cat.

import { list, post, request } from "../lib/api.js";
import { announce, button, complain, forgive, h, trying } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { optionsForm } from "../lib/options.js";
import { upload } from "../lib/upload.js";
import { demo } from "./demo.js";
import { card } from "./library.js";

export const title = "Fit";

let form = null;

/** Uploads a file and starts a fit of it with what the page's form says; the view of the job opens. */
export async function fitFile(file, name = file.name || "pasted.png") {
  const status = document.getElementById("upload-status");
  const say = (words) => {
    if (status?.isConnected) status.textContent = words;
    announce(words);
  };
  forgive();
  say(`Sending ${name}`);
  try {
    const signal = await upload(file, name, (share) => {
      if (status?.isConnected) status.textContent = share < 1 ? `Sending ${name}: ${Math.round(share * 100)} % of ${bytes(file.size)}` : `Reading ${name}`;
    });
    const job = await post("/v1/jobs", { kind: "fit", signal: signal.id, name, options: (form ?? optionsForm()).options() });
    location.hash = `#/fit/${job.id}`;
  } catch (problem) {
    complain(problem);
    if (status?.isConnected) status.textContent = "";
  }
}

async function fitCat() {
  const answer = await request("GET", "/v1/example");
  await fitFile(await answer.blob(), "chelsea.png");
}

export async function show(main, _, { signal }) {
  form = optionsForm();
  const chooser = h("input", { type: "file", class: "sr", id: "chooser", tabindex: -1, "aria-hidden": "true", onchange: () => {
    if (chooser.files[0]) fitFile(chooser.files[0]);
    chooser.value = "";
  } });
  const live = demo();
  const recent = h("section", { class: "recent", hidden: true, "aria-labelledby": "recent-title" },
    h("div", { class: "section-head" }, h("h2", { id: "recent-title" }, "Lately"), h("a", { href: "#/library" }, "All in the library")),
    h("div", { class: "cards" }));
  main.append(h("div", { class: "start" },
    h("section", { class: "hero" },
      h("div", { class: "hero-words" },
        h("h1", { tabindex: -1 }, "Drop a picture. ", h("em", {}, "Get a function.")),
        h("p", { class: "lead" }, "A small neural network learns your picture, sound, video, volume or mesh while you watch. ",
          "Then zoom in past the last pixel, and take the file home."),
        h("div", { class: "dropper" },
          h("div", { class: "dropper-buttons" },
            button("upload", "Choose a file", () => chooser.click(), "primary large"),
            button("play", "Try the cat", trying(fitCat), "large")),
          h("p", { class: "faint" }, "or drop one anywhere on this page, or paste it"),
          h("p", { id: "upload-status", class: "upload-status", role: "status" }),
          chooser),
        h("div", { class: "start-options" }, form.budget, form.parts)),
      live.element)),
    recent);
  live.start(signal);
  const jobs = await list("/v1/jobs?limit=4", { most: 4, signal }).catch(() => []);
  if (jobs.length) {
    recent.lastChild.append(...jobs.slice(0, 4).map((job) => card(job, { heading: "h3" })));
    recent.hidden = false;
  }
}
