// From settings to a sound: by a job where there are jobs, else in one request.

import { ask } from "./api.js";
import { makeByJob, readFile } from "./jobs.js";
import { models } from "./models.js";
import { nameFile } from "./names.js";

const EXTENSIONS = { opus: "ogg" };

/** The body of `POST /jobs` for settings. */
export function toJob(settings) {
  const { format, ...wanted } = settings;
  const given = Object.entries(wanted).filter(([, value]) => value !== null && value !== "" && value !== false);
  return { ...Object.fromEntries(given), formats: [...new Set(["wav", format])] };
}

/** The body of `POST /v1/audio/generate` for settings. */
export function toRequest(settings) {
  const body = {
    input: settings.prompt,
    model: settings.model,
    audio_length: settings.seconds,
    seed: settings.seed,
    num_inference_steps: settings.steps,
    guidance_scale: settings.guidance_scale,
    negative_prompt: settings.negative_prompt,
    response_format: settings.format,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ""));
}

/** Return a record: what was asked, what was made, and its files. */
export async function makeSound(settings, options) {
  const started = performance.now();
  const make = models().hasJobs ? makeAsJob : makeAtOnce;
  const { made, format, wav, file } = await make(settings, options);
  return {
    id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
    at: Date.now(),
    task: "sound",
    settings: { ...settings, format, seed: made.seed },
    made: { ...made, took: (performance.now() - started) / 1000 },
    wav,
    file,
    fileName: nameFile(settings.prompt, made, EXTENSIONS[format] ?? format),
  };
}

async function makeAsJob(settings, { onProgress, signal }) {
  const made = await makeByJob(toJob(settings), { onProgress, signal });
  const find = (format) => made.files.find((each) => each.format === format);
  const wav = await readFile(find("wav"), signal);
  const file = settings.format === "wav" ? wav : await readFile(find(settings.format), signal);
  delete made.files; // their links expire
  return { made, format: settings.format, wav, file };
}

async function makeAtOnce(settings, { signal }) {
  const body = { ...toRequest(settings), response_format: "wav" };
  const response = await ask("v1/audio/generate", { method: "POST", body, signal });
  const said = (name) => response.headers.get(`x-tritone-${name}`);
  const wav = new Blob([await response.arrayBuffer()], { type: "audio/wav" });
  const notes = (said("note") ?? "").split("; ").filter(Boolean);
  if (settings.loop) notes.push("loop ignored: this server has no jobs");
  if (settings.format !== "wav") notes.push("saved as WAV: this server has no jobs");
  const made = {
    seconds: Number(said("seconds")), sample_rate: Number(said("sample-rate")), model: said("model"),
    model_version: said("model-version"), seed: Number(said("seed")), steps: Number(said("steps")),
    guidance_scale: Number(said("guidance-scale")), notes,
  };
  return { made, format: "wav", wav, file: wav };
}
