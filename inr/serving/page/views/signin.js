// Where a browser that the server does not know is asked for the code that the server printed.

import { request } from "../lib/api.js";
import { h, icon } from "../lib/dom.js";

export const title = "Sign in";
export const open = true;

/** Trades a one-time code for a session. */
export const redeem = (code) => request("POST", "/v1/session", { json: { code } });

export async function show(main, _, { signedIn }) {
  const code = h("input", { id: "code", type: "text", autocomplete: "one-time-code", autocapitalize: "off", spellcheck: "false", required: true, "aria-describedby": "code-problem" });
  const problem = h("p", { id: "code-problem", class: "field-problem", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    const given = code.value.trim();
    try {
      await redeem(given.match(/code=([^&\s]+)/)?.[1] ?? given);
      await signedIn();
    } catch (refusal) {
      problem.replaceChildren(icon("warn"), refusal.message);
      code.focus();
    }
  };
  main.append(h("div", { class: "signin" },
    h("div", { class: "signin-lens", "aria-hidden": "true" },
      h("img", { src: "demo/eye-pixels.png", alt: "", class: "demo-pixels" }),
      h("img", { src: "demo/eye.webp", alt: "", class: "demo-field" })),
    h("h1", { tabindex: -1 }, "Sign in"),
    h("p", { class: "lead" }, "Open the link that ", h("code", {}, "inr serve"), " printed, or paste it, its code or a token here."),
    h("form", { onsubmit: submit },
      h("label", { class: "label", for: "code" }, "Link, code or token"),
      code, problem,
      h("button", { type: "submit", class: "button primary large" }, "Sign in"))));
}
