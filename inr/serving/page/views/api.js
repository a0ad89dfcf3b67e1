// The endpoints for people who write programs: what openapi.json says, by what it is about, with a line of curl each.

import { get } from "../lib/api.js";
import { announce, h, iconButton, trying } from "../lib/dom.js";
import { curl, fieldsOf, GROUPS, kindOf, problemsOf } from "../lib/schema.js";

export const title = "API";

export async function show(main, [place], { signal }) {
  const schema = await get("/openapi.json", signal);
  const operations = Object.entries(schema.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));
  const sections = GROUPS.map(([tag, name, about]) => h("section", { id: `api-${tag}` },
    h("h2", { tabindex: -1 }, name), h("p", { class: "faint" }, about),
    operations.filter(({ tags }) => tags[0] === tag).map((operation) => endpoint(schema, operation))));
  const types = problemsOf(schema);
  const problems = h("section", { id: "api-problems" },
    h("h2", { tabindex: -1 }, "Problem types"),
    h("p", { class: "faint" }, "What is refused is answered by a JSON object of RFC 9457: type, title, status, and detail, a sentence that says what would be right."),
    table("Problem types", ["Type", "Status", "Meaning"], types.map(({ type, status, meaning }) =>
      [h("a", { href: type }, h("code", {}, type.split("/").pop())), status, meaning])));
  const links = [...GROUPS, ["problems", "Problem types"]].map(([tag, name]) => h("a", { href: `#/api/${tag}` }, name));
  main.append(h("div", { class: "api" },
    h("div", { class: "api-head" },
      h("h1", { tabindex: -1 }, "API"),
      h("p", { class: "lead" }, "All that this page does, programs do over HTTP. Lines of curl take the token from ", h("code", {}, "INR_TOKEN"), "; ",
        h("a", { href: "openapi.json" }, "openapi.json"), ` is the schema, of inr ${schema.info.version}.`),
      h("nav", { class: "api-groups", "aria-label": "Groups of endpoints" }, links)),
    sections, problems));
  const section = main.querySelector(`#api-${CSS.escape(place ?? "")}`);
  section?.scrollIntoView();
  section?.querySelector("h2").focus({ preventScroll: true });
}

function endpoint(schema, operation) {
  const { method, path, description = "", parameters = [], requestBody, responses, security } = operation;
  const [first, ...more] = description.split("\n\n");
  const line = curl(schema, operation, location.origin);
  const details = h("details", { class: "disclosure endpoint" },
    h("summary", {}, h("code", { class: "method" }, method), h("code", { class: "path" }, path), h("span", { class: "faint" }, prose(first))));
  // Most are never opened, and there are many.
  details.addEventListener("toggle", () => details.append(h("div", { class: "endpoint-body" },
    more.map((paragraph) => h("p", {}, prose(paragraph))),
    !security && h("p", {}, "Anybody may ask: it takes no token."),
    parameters.length > 0 && table("Parameters", ["Name", "In", "Type", "Meaning"], parameters.map((each) =>
      [name(each.name, each.required), each.in, kindOf(each.schema), prose(each.description ?? "")])),
    requestBody && bodies(schema, requestBody),
    table("Answers", ["Status", "Meaning", "Body"], Object.entries(responses).map(([status, answer]) =>
      [status, meaning(answer), Object.entries(answer.content ?? {}).map(([type, media]) => content(schema, type, media))])),
    h("div", { class: "command" }, h("pre", { tabindex: 0, role: "region", "aria-label": "Line of curl" }, h("code", {}, line)),
      iconButton("copy", "Copy the line", trying(async () => {
        await navigator.clipboard.writeText(line);
        announce("Copied");
      }))))), { once: true });
  return details;
}

function bodies(schema, { content: types }) {
  return Object.entries(types).map(([type, media]) => {
    const variants = fieldsOf(schema, media.schema);
    if (!variants.length) return h("p", {}, "Body: ", h("code", {}, type));
    return variants.map(({ about, fields }) => table(`Body, ${type}${about ? `: ${about}` : ""}`, ["Name", "Type", "Meaning"],
      fields.map((each) => [name(each.name, each.required), kindOf(each.schema), prose(each.schema.description ?? "")])));
  });
}

const name = (words, required) => [h("code", {}, words), required && h("span", { class: "faint" }, " required")];

/** What an answer means: types of problems lead to what each of them is. */
function meaning({ description, content: types }) {
  if (!types?.["application/problem+json"]) return description === "Successful Response" ? "" : prose(description);
  return description.split(", ").map((slug, index) => [index > 0 && ", ", /^[a-z-]+$/.test(slug) ? h("a", { href: `/problems/${slug}` }, slug) : slug]);
}

function content(schema, type, media) {
  if (type === "application/problem+json") return "problem";
  const [variant] = fieldsOf(schema, media.schema);
  return h("div", {}, h("code", {}, type), variant && h("span", { class: "faint" }, ` ${variant.fields.map((each) => each.name).join(", ")}`));
}

/** Text with `code` in it. */
const prose = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

function table(caption, heads, rows) {
  return h("div", { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(([first, ...cells]) => h("tr", {}, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell)))))));
}
