// Requests to this server. Paths are relative: the page works behind any prefix.

import { askForKey, readKey } from "./key.js";

/** A refusal in words. */
export class Refusal extends Error {
  constructor(message, status, retryAfterS) {
    super(message);
    this.status = status; // 0: no answer at all
    this.retryAfterS = retryAfterS; // null: not worth repeating
  }
}

/** Return the answer, once it is a good one; ask for a key where it is needed. */
export async function ask(path, { method = "GET", body, signal, headers = {} } = {}) {
  const response = await send(path, { method, body, signal, headers });
  if (response.ok) return response;
  const refusal = await readRefusal(response);
  if (response.status === 401 && await askForKey(refusal.message)) {
    return ask(path, { method, body, signal, headers });
  }
  throw refusal;
}

export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

async function send(path, { method, body, signal, headers }) {
  const key = readKey();
  const all = { ...headers, ...(key && { authorization: `Bearer ${key}` }) };
  if (body) all["content-type"] = "application/json";
  try {
    return await fetch(path, { method, signal, headers: all, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(navigator.onLine
      ? "The server does not answer. Is it running?"
      : "This device is offline.", 0, null);
  }
}

async function readRefusal(response) {
  const retryAfter = Number.parseFloat(response.headers.get("retry-after"));
  let message = null;
  try {
    message = findMessage(await response.json());
  } catch { /* not one of ours: a proxy's page */ }
  return new Refusal(message ?? `The server answered ${response.status}.`, response.status,
    Number.isFinite(retryAfter) ? retryAfter : null);
}

function findMessage(body) {
  const found = body.error?.message ?? body.detail?.message ?? body.message ?? body.detail;
  return typeof found === "string" ? found : null;
}
