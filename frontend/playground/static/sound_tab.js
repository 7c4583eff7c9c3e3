// Makes what the form asks for: one sound, or four.

import { Refusal } from "./api.js";
import { $, h, say } from "./dom.js";
import { remember } from "./history.js";
import { makeSound } from "./making.js";
import { makePendingCard } from "./pending_card.js";
import { makeSoundCard } from "./sound_card.js";
import { randomSeed, readSettings, renewSeed, startSoundForm, takeSeed, writeSettings } from "./sound_form.js";

const N_VARIATIONS = 4;

export function startSoundTab() {
  startSoundForm();
  $("#sound-form").addEventListener("submit", (event) => {
    event.preventDefault();
    renewSeed();
    makeFromForm($("#four").checked ? N_VARIATIONS : 1);
  });
}

function makeFromForm(nSounds) {
  const settings = readSettings();
  const group = h("div", { class: nSounds > 1 ? "group" : "group single" });
  $("#sounds").prepend(group);
  for (const seed of takeSeed(nSounds)) start({ ...settings, seed }, group);
}

/** What cards of the history and of this tab can do. */
export const ACTIONS = {
  again: (record) => makeLike(record, record.settings.seed),
  vary: (record) => makeLike(record, randomSeed()),
};

function makeLike({ settings }, seed) {
  location.hash = "#sound";
  writeSettings({ ...settings, seed });
  makeFromForm(1);
}

function start(settings, group) {
  const card = makePendingCard(settings.prompt, (failed) => {
    failed.remove();
    start(settings, group);
  });
  group.append(card);
  fillCard(settings, card);
}

async function fillCard(settings, card) {
  try {
    const record = await makeSound(settings, { onProgress: card.progress, signal: card.signal });
    card.replaceWith(makeSoundCard(record, ACTIONS));
    say(`Made: ${settings.prompt}`);
    await remember(record);
  } catch (error) {
    if (error instanceof Refusal || error.name === "AbortError") card.fail(error);
    else { card.fail(new Refusal("The page made a mistake.", 0, null)); throw error; }
  }
}
