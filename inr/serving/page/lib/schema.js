// What openapi.json says, in words.

/** What endpoints are about, by the schema's tags, in the order in which a program meets them. */
export const GROUPS = [
  ["signals", "Signals", "What is to be fitted: pictures, sounds, videos, volumes. Up to 16 MiB are posted at once; more goes up in parts by tus 1.0."],
  ["jobs", "Jobs", "Fits and what is made of them: queued, steered, and followed as they happen."],
  ["fields", "Fields", "What jobs made: the file, what it holds, and how it sounds."],
  ["shares", "Shares", "Fields that everybody may see who was told the address."],
  ["images", "Images", "Fields and signals for viewers of the IIIF Image API 3.0, also beyond their pixels."],
  ["users", "Users", "Who asks, and what there is for them."],
  ["operation", "Operation", "Whether the service is well."],
];

const resolved = (schema, part) => (part?.$ref ? part.$ref.slice(2).split("/").reduce((at, key) => at[key], schema) : part);

/** The fields of a JSON body, for each of the kinds of bodies that it may be. */
export function fieldsOf(schema, part) {
  const body = resolved(schema, part);
  if (body?.oneOf) return body.oneOf.flatMap((each) => fieldsOf(schema, each));
  if (!body?.properties) return [];
  const fields = Object.entries(body.properties)
    .filter(([, each]) => each.type !== "null")
    .map(([name, each]) => ({ name, schema: each, required: body.required?.includes(name) ?? false }))
    .sort((one, other) => other.required - one.required);
  return [{ about: body.description, example: body.examples?.[0], fields }];
}

/** A type in words, with its bounds. */
export function kindOf(part) {
  if (part.$ref) return part.$ref.split("/").pop();
  if (part.const !== undefined) return JSON.stringify(part.const);
  if (part.enum) return part.enum.join(" | ");
  const variants = part.anyOf ?? part.oneOf;
  if (variants) return [...new Set(variants.map(kindOf))].join(" | ");
  if (part.type === "array") return `list of ${kindOf(part.items ?? { type: "anything" })}`;
  const low = part.minimum ?? part.exclusiveMinimum;
  const bounds = [low !== undefined && `from ${low}`, part.maximum !== undefined && `to ${part.maximum}`].filter(Boolean).join(" ");
  return [part.type ?? "anything", bounds, part.default !== undefined && part.default !== "" && `(${JSON.stringify(part.default)})`].filter(Boolean).join(" ");
}

/** All types of problems. */
export function problemsOf(schema) {
  return schema.components.schemas.ProblemBody.properties.type.oneOf.map(({ const: type, title, description }) =>
    ({ type, meaning: title, status: description.match(/\d+/)[0] }));
}

/** The line of curl that asks an endpoint. */
export function curl(schema, { method, path, parameters = [], requestBody, responses, security }, origin) {
  const words = ["curl"];
  const answers = Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1].content ?? {};
  if ("text/event-stream" in answers) words.push("-N");
  else if (method === "GET" && Object.keys(answers).some((type) => /^(image|audio|application\/octet)/.test(type))) words.push("-OJ");
  if (method === "HEAD") words.push("-I");
  if (security) words.push('-H "Authorization: Bearer $INR_TOKEN"');
  if (!["GET", "HEAD"].includes(method) && !(method === "POST" && requestBody)) words.push(`-X ${method}`);
  for (const each of parameters.filter(({ required, in: place }) => required && place === "header")) {
    words.push(`-H '${each.name}: ${each.schema.const ?? each.schema.minimum ?? 0}'`);
  }
  for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
    const [variant] = fieldsOf(schema, media.schema);
    words.push(`-H 'Content-Type: ${type}'`, variant ? `-d '${JSON.stringify(variant.example ?? {})}'` : "--data-binary @FILE");
  }
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
    const { schema: part } = parameters.find((each) => each.name === name);
    return part.pattern?.startsWith("^[0-9a-f]{8}") || name === "name" || name === "identifier" ? name.toUpperCase() : part.examples?.[0] ?? name.toUpperCase();
  });
  return [...words, `'${origin}${filled}'`].join(" ");
}
