// One sound as a job: accepted, followed by its events, cancelled.

import { ask, askJson, Refusal } from "./api.js";

const OVER = new Set(["completed", "error", "cancelled"]);
const PAUSE_MS = 500;
const MAX_STREAMS = 3; // a browser opens six connections to a host: others must get through
let nStreams = 0;

/** Make a sound; `onProgress` gets every view of the job. Give its result and its files. */
export async function makeByJob(body, { onProgress, signal }) {
  let job = await askJson("jobs", { method: "POST", body }); // never half sent
  const stop = () => ask(`jobs/${job.id}`, { method: "DELETE" }).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  while (!OVER.has(job.status)) {
    onProgress(job);
    job = await follow(job, onProgress, signal);
  }
  signal.removeEventListener("abort", stop);
  if (job.status === "error") throw new Refusal(job.error.message, 500, null);
  if (job.status === "cancelled") throw new DOMException("cancelled", "AbortError");
  return job.result;
}

async function follow(job, onProgress, signal) {
  let last = job;
  if (nStreams >= MAX_STREAMS) return lookAgain(job, signal);
  nStreams += 1;
  try {
    const response = await ask(`jobs/${job.id}/events`, { signal });
    for await (const event of readEvents(response)) {
      if (event.name === "failure") break; // it cannot tell any more: ask again
      last = event.data;
      onProgress(last);
    }
  } catch (error) {
    if (error.name === "AbortError" || error.status >= 400 && error.retryAfterS === null) throw error;
  } finally {
    nStreams -= 1;
  }
  return OVER.has(last.status) ? last : lookAgain(job, signal);
}

async function lookAgain(job, signal) {
  await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  return askJson(`jobs/${job.id}`, { signal });
}

/** Yield server-sent events. `EventSource` would do, but it cannot send a key. */
export async function* readEvents(response) {
  for await (const block of readBlocks(response, "\n\n")) {
    const lines = block.split("\n");
    const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
    const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
    if (data.length) yield { name, data: JSON.parse(data.join("\n")) };
  }
}

/** Yield the parts of a text that is still coming, without what separates them. */
export async function* readBlocks(response, separator) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value ?? "";
    const parts = rest.split(separator);
    rest = parts.pop();
    yield* parts;
    if (done) break;
  }
  if (rest.trim()) yield rest;
}

/** Return the bytes behind a link of a job's file, under the address that the page came from. */
export async function readFile(file, signal) {
  const { pathname } = new URL(file.url);
  const token = pathname.includes("/files/") && pathname.split("/files/").pop();
  if (!token) throw new Refusal(`It is made, but kept on a host that this page may not read: ${file.url}`, 0, null);
  const response = await ask(`files/${token}`, { signal });
  return new Blob([await response.arrayBuffer()], { type: file.content_type });
}
