// Requests to the service, and its problems (RFC 9457) as errors that say what is wrong in a sentence.

export class Problem extends Error {
  /** @param {{type?: string, title?: string, detail?: string, status?: number}} body */
  constructor(body) {
    super(body.detail ?? body.title ?? "The server gave no reason.");
    this.name = "Problem";
    Object.assign(this, { type: body.type ?? "about:blank", title: body.title, detail: body.detail, status: body.status });
  }
}

/** Called when the server no longer knows this browser. */
export const session = { lost: () => {} };

/** The answer to a request whatever it holds; a refusal is thrown as a `Problem`. */
export async function request(method, path, { json, body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      headers: json === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: json === undefined ? body : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      type: "unreachable",
      title: "The server cannot be reached",
      detail: "Is `inr serve` still running? The page tries again by itself.",
    });
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let problem = { title: answer.statusText, detail: text.slice(0, 300), status: answer.status };
  try {
    problem = { ...problem, ...JSON.parse(text) };
  } catch {
    // A proxy's answer is no JSON; its words are shown as they are.
  }
  if (answer.status === 401 && path !== "/v1/session") session.lost();
  throw new Problem(problem);
}

/** What a request answers with, as JSON; null where there is nothing. */
export async function call(method, path, options) {
  const answer = await request(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, signal) => call("GET", path, { signal });
export const post = (path, json = {}) => call("POST", path, { json });
export const remove = (path) => request("DELETE", path);

/** Up to `most` items of a list, page after page. */
export async function list(path, { most = 200, signal } = {}) {
  const items = [];
  for (let next = path; next && items.length < most; ) {
    const page = await get(next, signal);
    items.push(...page.items);
    next = page.next;
  }
  return items;
}
