// What the server serves now: `GET /cards`.

import { askJson } from "./api.js";

export const FORMATS = [["wav", "WAV"], ["mp3", "MP3"], ["flac", "FLAC"], ["opus", "Opus"], ["aac", "AAC"]];
const listeners = [];
let known = { sounds: [], speech: [], hasJobs: false };

export const models = () => known;

/** Call a function now and whenever the models are asked for anew. */
export function whenModels(listener) {
  listeners.push(listener);
  listener(known);
}

export async function loadModels() {
  const { cards, has_jobs: hasJobs } = await askJson("cards");
  known = {
    sounds: cards.filter((card) => card.task === "sound"),
    speech: cards.filter((card) => card.task === "speech"),
    hasJobs,
  };
  for (const listener of listeners) listener(known);
}
