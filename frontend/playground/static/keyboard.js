// Keys of the keyboard. Single keys can be turned off: they disturb people who speak to a machine.

import { $, $$, h } from "./dom.js";
import { currentCard, download, makeCurrent, play, toggleLoop, togglePlay } from "./sound_card.js";

const NAME = "tritone-keys";
const HELP = [
  ["Ctrl + Enter", "make the sound, or say the text"],
  ["Space", "play or pause"],
  ["← →", "a second back or on"],
  ["L", "repeat"],
  ["1 to 4", "play that sound of the newest row"],
  ["D", "download"],
  ["?", "this list"],
];

export function startKeyboard() {
  $("#keys").append(...HELP.flatMap(([keys, words]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, words)]));
  $("#keys-on").checked = localStorage.getItem(NAME) !== "off";
  $("#keys-on").addEventListener("change", () => localStorage.setItem(NAME, $("#keys-on").checked ? "on" : "off"));
  $("#help-button").addEventListener("click", () => $("#help-dialog").showModal());
  document.addEventListener("keydown", onKey);
}

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const form = $("main section:not([hidden]) form");
    form?.requestSubmit();
    if (form) event.preventDefault();
    return;
  }
  const isBusy = event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")
    || event.target.closest("input, textarea, select");
  if (isBusy || !$("#keys-on").checked) return;
  if (event.key === " " && event.target.closest("button, a, summary, audio")) return; // it presses that
  const act = find(event.key);
  if (!act) return;
  event.preventDefault();
  act();
}

function find(key) {
  if (key === "?") return () => $("#help-dialog").showModal();
  if (/^[1-4]$/.test(key)) return () => playNth(Number(key) - 1);
  const card = currentCard();
  const acts = {
    " ": togglePlay, l: toggleLoop, d: download, arrowleft: (card) => move(card, -1), arrowright: (card) => move(card, 1),
  };
  const act = acts[key.toLowerCase()];
  return card && act ? () => act(card) : null;
}

function move({ audio }, seconds) {
  audio.currentTime = Math.min(audio.duration, Math.max(0, audio.currentTime + seconds));
}

function playNth(k) {
  const card = $$(".sound", $("main section:not([hidden]) .sounds > .group"))[k];
  if (!card?.audio) return;
  makeCurrent(card);
  card.audio.currentTime = 0;
  play(card);
}
