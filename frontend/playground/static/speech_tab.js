// Speech: heard from its first sentence on, while the rest is still spoken.

import { ask, Refusal } from "./api.js";
import { $, fill, h, say } from "./dom.js";
import { remember } from "./history.js";
import { readBlocks } from "./jobs.js";
import { models, whenModels } from "./models.js";
import { nameFile } from "./names.js";
import { PcmPlayer } from "./pcm_player.js";
import { makeSoundCard } from "./sound_card.js";
import { makeWords } from "./words.js";

const STREAM_RATES = [8000, 16000, 22050, 24000, 32000, 44100, 48000];
let stopping = null; // of what is being said

export function readSpeech() {
  return { text: $("#text").value.trim(), voice: $("#voice").value, speed: Number($("#speed").value) };
}

export function startSpeechTab() {
  const showSpeed = () => { $("#speed-shown").textContent = `${Number($("#speed").value)} ×`; };
  $("#speed").addEventListener("input", showSpeed);
  showSpeed();
  $("#hush").addEventListener("click", () => stopping?.abort());
  document.addEventListener("play", () => stopping?.abort(), true); // one voice at a time
  $("#speech-form").addEventListener("submit", (event) => {
    event.preventDefault();
    stopping?.abort();
    sayIt(readSpeech());
  });
  whenModels(({ speech }) => {
    const [card] = speech;
    $('nav a[href="#speech"]').hidden = !card;
    if (!card) return;
    const voices = speech.flatMap((each) => each.voices);
    fill($("#voice"), voices.map((voice) => [voice.id, `${voice.name}, ${voice.language}`]), card.default_voice);
    $("#speed").min = Math.max(card.min_speed, 0.25);
    $("#speed").max = Math.min(card.max_speed, 4);
    $("#text").maxLength = card.max_characters;
  });
}

async function sayIt(settings) {
  const ending = stopping = new AbortController();
  const facts = $("#speech-facts");
  $("#hush").hidden = false;
  facts.textContent = "Asking";
  facts.className = "facts";
  try {
    const { player, made } = await stream(settings, ending.signal, facts);
    keep(settings, player, made);
    await player.whenOver();
  } catch (error) {
    facts.textContent = error.name === "AbortError" ? "Stopped." : error.message;
    facts.classList.toggle("failed", error.name !== "AbortError");
    say(facts.textContent);
    if (!(error instanceof Refusal) && error.name !== "AbortError") throw error;
  } finally {
    if (stopping === ending) $("#hush").hidden = true;
  }
}

async function stream(settings, signal, facts) {
  const card = models().speech.find((each) => each.voices.some((voice) => voice.id === settings.voice));
  const rate = STREAM_RATES.includes(card.sample_rate) ? card.sample_rate : 24000;
  const player = new PcmPlayer(rate, card.audio_channels);
  const started = performance.now();
  signal.addEventListener("abort", () => player.stop());
  const words = makeWords(settings.text, $("#spoken"));
  const response = await ask(
    `v1/text-to-speech/${encodeURIComponent(settings.voice)}/stream/with-timestamps?output_format=pcm_${rate}`,
    { method: "POST", body: { text: settings.text, voice_settings: { speed: settings.speed } }, signal });
  for await (const line of readBlocks(response, "\n")) {
    const { audio_base64: audio, alignment } = JSON.parse(line);
    if (alignment) words.feed(alignment);
    player.feed(Uint8Array.from(atob(audio), (each) => each.charCodeAt(0)));
    if (player.parts.length === 1) begin(player, words, signal, started, facts);
  }
  performance.mark("speech-came");
  const said = (name) => response.headers.get(`x-tritone-${name}`);
  const notes = (said("note") ?? "").split("; ").filter(Boolean);
  return { player, made: {
    seconds: player.seconds, sample_rate: rate, seed: Number(said("seed")), voice: said("voice"),
    model: said("model"), model_version: said("model-version"), notes,
    took: (performance.now() - started) / 1000,
  } };
}

function begin(player, words, signal, started, facts) {
  performance.mark("speech-begins");
  const waited = (performance.now() - started) / 1000;
  facts.textContent = `Heard after ${waited.toFixed(2)} s.`;
  const frame = () => {
    words.light(player.position);
    if (!signal.aborted && !player.isOver) requestAnimationFrame(frame);
  };
  frame();
}

function keep(settings, player, made) {
  const wav = player.toWav();
  const record = {
    id: `${Date.now()}-${made.seed}`, at: Date.now(), task: "speech", settings, made, wav, file: wav,
    fileName: nameFile(settings.text.slice(0, 40), made, "wav"),
  };
  $("#speeches").prepend(h("div", { class: "group single" }, makeSoundCard(record, {})));
  remember(record);
}
