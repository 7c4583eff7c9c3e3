// A finished sound: what it looks like, and what can be done with it.

import { choose, chosenAs } from "./compare.js";
import { $, formatSeconds, h } from "./dom.js";
import { playSeam } from "./listening.js";
import { save } from "./names.js";
import { drawSound } from "./waves.js";

let current = null; // the card that keys of the keyboard are about

export const currentCard = () => (current?.isConnected ? current : null);

/** Return a card. `actions` are {again, vary, drop}, each optional, called with the record. */
export function makeSoundCard(record, actions) {
  const audio = h("audio", { preload: "auto", src: URL.createObjectURL(record.wav) });
  const place = h("div", { class: "wave" });
  const card = h("article", { class: "sound", "data-id": record.id, tabindex: "-1", "aria-label": titleOf(record) },
    h("header", {},
      h("h2", {}, titleOf(record)),
      h("p", { class: "facts" }, ...factsOf(record))),
    audio, place, notesOf(record),
    h("div", { class: "actions" }, ...buttonsFor(record, audio, actions)));
  card.audio = audio;
  card.record = record;
  audio.addEventListener("play", () => { pauseOthers(audio); makeCurrent(card); });
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => showPlaying(card));
  card.addEventListener("pointerdown", () => makeCurrent(card));
  makeCurrent(card);
  queueMicrotask(() => drawSound(audio, record, place).catch(() => { audio.controls = true; }));
  return card;
}

export function makeCurrent(card) {
  current?.classList.remove("current");
  current = card;
  card.classList.add("current");
}

export function togglePlay(card) {
  if (card.audio.paused) play(card);
  else card.audio.pause();
}

export function play(card) {
  card.audio.play().catch(() => {}); // interrupted by a pause
}

export function toggleLoop(card) {
  card.audio.loop = !card.audio.loop;
  $(".loops", card).setAttribute("aria-pressed", card.audio.loop);
}

export const download = ({ record }) => save(record.file, record.fileName);

const titleOf = ({ settings }) => settings.prompt ?? settings.text;

function factsOf({ made, settings }) {
  const facts = [
    formatSeconds(made.seconds), `seed ${made.seed}`, made.voice && `voice ${made.voice}`,
    made.steps && `${made.steps} steps`, settings.loop && "loop",
    made.took && `made in ${made.took.toFixed(1)} s`,
    made.model && `${made.model}${made.model_version ? ` ${made.model_version}` : ""}`,
  ];
  return facts.filter(Boolean).map((fact) => h("span", {}, fact));
}

function notesOf({ made }) {
  return made.notes?.length ? h("p", { class: "note" }, `Note: ${made.notes.join("; ")}`) : null;
}

function buttonsFor(record, audio, actions) {
  const button = (words, onclick, more = {}) => h("button", { type: "button", onclick, ...more }, words);
  const cardOf = (event) => event.currentTarget.closest(".sound");
  return [
    button("Play", (event) => togglePlay(cardOf(event)), { class: "play" }),
    button("Repeat", (event) => toggleLoop(cardOf(event)), { class: "quiet loops", "aria-pressed": "false" }),
    record.settings.loop ? button("Hear the seam", () => { audio.pause(); playSeam(record.wav); }, { class: "quiet" }) : null,
    button("Download", () => save(record.file, record.fileName), { class: "quiet", title: record.fileName }),
    actions.again && button("Again", () => actions.again(record), { class: "quiet" }),
    actions.vary && button("Vary", () => actions.vary(record), { class: "quiet" }),
    actions.drop && button("Forget", (event) => { actions.drop(record); cardOf(event).remove(); }, { class: "quiet" }),
    h("span", { class: "sides" }, ["A", "B"].map((side) => button(side, () => choose(side, record), {
      class: "quiet side", "aria-pressed": String(chosenAs(record) === side), "aria-label": `Compare as ${side}`,
    }))),
  ].filter(Boolean);
}

function showPlaying(card) {
  $(".play", card).textContent = card.audio.paused ? "Play" : "Pause";
}

function pauseOthers(audio) {
  for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
}
