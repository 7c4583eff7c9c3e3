// What the server does: models, queue, speed. Only looks; changes nothing.

import { askJson } from "./api.js";
import { $, h } from "./dom.js";
import { models } from "./models.js";
import { parseMetrics, quantileOf, sumOf } from "./prometheus.js";

const EVERY_MS = 3000;
const DURATION = "tritone_generation_duration_seconds", FIRST = "tritone_speech_first_chunk_duration_seconds";
let timer = null;

export function showServer(isShown) {
  clearInterval(timer);
  if (!isShown) return;
  refresh();
  timer = setInterval(refresh, EVERY_MS);
}

async function refresh() {
  const [ready, samples, jobs] = await Promise.all([readReadiness(), readMetrics(), readJobs()]);
  $("#server").replaceChildren(
    showReadiness(ready), h("h2", {}, "Models"), showModels(ready, samples, jobs),
    h("h2", {}, "Work"), showWork(samples));
}

// Proxies often keep these two for their own network.
async function readReadiness() {
  try {
    const response = await fetch("readyz?verbose");
    const body = await response.json();
    return body.status ? body : null;
  } catch {
    return null;
  }
}

async function readMetrics() {
  try {
    const response = await fetch("metrics");
    return response.ok ? parseMetrics(await response.text()) : [];
  } catch {
    return [];
  }
}

async function readJobs() {
  if (!models().hasJobs) return [];
  try {
    return (await askJson("jobs?status=completed&limit=100")).jobs;
  } catch {
    return [];
  }
}

function showReadiness(ready) {
  if (ready === null) return h("p", { class: "state bad" }, "The server does not say how it is: it is away, or keeps that from here.");
  if (ready.status === "ready") return h("p", { class: "state good" }, "Ready");
  return h("p", { class: "state bad" }, `Not ready: ${ready.reason}`);
}

function showModels(ready, samples, jobs) {
  const cards = [...models().sounds, ...models().speech];
  const away = Object.entries(ready?.away ?? {});
  const rows = (ready?.models ?? []).map((name) => {
    const card = cards.find((each) => each.name === name);
    const histogram = card?.task === "speech" ? FIRST : DURATION;
    const own = jobs.filter((job) => job.result.model === name);
    const p95 = quantileOf(samples, histogram, { model: name }, 0.95);
    const waited = own.map((job) => (new Date(job.finished_at) - new Date(job.created_at)) / 1000).sort((a, b) => a - b);
    return [name, card?.task ?? "", "served", showShares(name, samples, own),
      seconds(p95), seconds(waited[Math.ceil(0.95 * waited.length) - 1])];
  });
  rows.push(...away.map(([name, reason]) => [name, "", `away: ${reason}`, "", "", ""]));
  return makeTable(["Model", "Task", "State", "Versions, and their shares of what was made", "p95 of requests (of speech: to its first sound)", "p95 of your last jobs, waiting included"], rows);
}

function showShares(model, samples, jobs) {
  const made = new Map();
  const count = (version, n) => made.set(version, (made.get(version) ?? 0) + n);
  for (const { name, labels, value } of samples) {
    if (name === "tritone_http_requests_total" && labels.model === model) count(labels.version, value);
  }
  for (const { result } of jobs) count(result.model_version, 1);
  const total = [...made.values()].reduce((sum, n) => sum + n, 0);
  return [...made].map(([version, n]) => `${version}: ${Math.round(100 * n / total)} %`).join(", ") || "–";
}

const seconds = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(2)} s`);

function showWork(samples) {
  const gigabytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const plain = (value) => String(Math.round(value * 100) / 100);
  const facts = [
    ["Passes in Triton", "tritone_passes_in_flight", {}, plain],
    ["Passes that wait", "tritone_passes_waiting", {}, plain],
    ["Longest wait", "tritone_passes_queue_age_seconds", {}, (value) => `${plain(value)} s`],
    ["Jobs that wait", "tritone_jobs", { status: "queued" }, plain],
    ["Jobs that run", "tritone_jobs", { status: "running" }, plain],
    ["Refused for want of room", "tritone_refused_total", {}, plain],
    ["Generations that failed", "tritone_generation_failures_total", {}, plain],
    ["Sound made here", "tritone_sound_seconds_total", {}, (value) => `${plain(value)} s`],
    ["Memory of the frontend", "process_resident_memory_bytes", {}, gigabytes],
    ["Room for files", "tritone_storage_free_bytes", {}, gigabytes],
  ];
  const rows = facts.map(([words, name, labels, show]) => {
    const value = sumOf(samples, name, labels);
    return value === null ? null : [words, show(value)];
  }).filter(Boolean);
  const build = samples.find((each) => each.name === "tritone_build_info");
  if (build) rows.unshift(["Tritone", build.labels.version]);
  return makeTable(["", ""], rows);
}

function makeTable(heads, rows) {
  const hasHead = heads.some(Boolean);
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": hasHead ? "Models" : "Work" }, h("table", {},
    hasHead ? h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))) : null,
    h("tbody", {}, rows.map(([first, ...rest]) =>
      h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => h("td", {}, String(cell))))))));
}
