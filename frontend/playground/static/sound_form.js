// The form of the sound tab: reads and writes settings.

import { $, fill, h } from "./dom.js";
import { FORMATS, models, whenModels } from "./models.js";

const SEEDS = 2 ** 31;
const FEW_CHIPS = matchMedia("(max-width: 40rem)").matches ? 6 : 12;
const HANDY_SECONDS = 30; // the slider's end; the field takes what the model does
const numberOf = (field) => (field.value === "" ? null : Number(field.value));

export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;

export function readSettings() {
  const card = chosenCard();
  return {
    prompt: $("#prompt").value.trim(),
    model: card?.name ?? null,
    seconds: numberOf($("#seconds")),
    seed: numberOf($("#seed")),
    loop: $("#loop").checked,
    negative_prompt: card?.guidance ? $("#negative").value.trim() : "",
    steps: numberOf($("#steps")),
    guidance_scale: card?.guidance ? numberOf($("#guidance")) : null,
    format: $("#format").value,
  };
}

export function writeSettings(settings) {
  if (models().sounds.some((card) => card.name === settings.model)) {
    $("#model").value = settings.model;
    applyCard();
  }
  $("#prompt").value = settings.prompt;
  $("#seconds").value = settings.seconds;
  setSeed(settings.seed);
  $("#loop").checked = settings.loop;
  $("#negative").value = settings.negative_prompt;
  $("#steps").value = settings.steps ?? "";
  $("#guidance").value = settings.guidance_scale ?? "";
  $("#format").value = settings.format;
  showSeconds();
}

/** Give the seeds of so many sounds. */
export function takeSeed(nSounds) {
  if ($("#seed").value === "") $("#seed").value = randomSeed();
  const seed = Number($("#seed").value);
  $("#seed").dataset.used = "yes";
  return Array.from({ length: nSounds }, (_, k) => seed + k);
}

export function startSoundForm() {
  fill($("#format"), FORMATS, "wav");
  $("#seed").value = randomSeed();
  $("#seconds").addEventListener("input", showSeconds);
  $("#seconds-range").addEventListener("input", () => { $("#seconds").value = $("#seconds-range").value; });
  $("#model").addEventListener("change", applyCard);
  $("#dice").addEventListener("click", () => setSeed(randomSeed()));
  $("#seed").addEventListener("input", () => { delete $("#seed").dataset.used; });
  $("#lock").addEventListener("click", () => {
    $("#lock").setAttribute("aria-pressed", $("#lock").getAttribute("aria-pressed") !== "true");
  });
  whenModels(({ sounds }) => {
    const chosen = $("#model").value || sounds[0]?.name;
    fill($("#model"), sounds.map((card) => [card.name, card.name]), chosen);
    applyCard();
  });
}

/** A seed that was heard makes room for another one, unless it is locked. */
export function renewSeed() {
  const isLocked = $("#lock").getAttribute("aria-pressed") === "true";
  if ($("#seed").dataset.used === "yes" && !isLocked) setSeed(randomSeed());
}

function setSeed(seed) {
  $("#seed").value = seed;
  delete $("#seed").dataset.used;
}

const chosenCard = () => models().sounds.find((card) => card.name === $("#model").value);

function applyCard() {
  const card = chosenCard();
  if (!card) return;
  $("#seconds").max = card.max_seconds;
  $("#seconds-range").max = Math.min(Math.floor(card.max_seconds * 2) / 2, HANDY_SECONDS);
  if ($("#seconds").dataset.of !== card.name) $("#seconds").value = card.default_seconds;
  $("#seconds").dataset.of = card.name;
  $("#steps").placeholder = card.default_steps;
  $("#guidance").placeholder = card.default_guidance_scale;
  for (const field of document.querySelectorAll(".guided")) field.hidden = !card.guidance;
  showSeconds();
  showChips(card.prompts, FEW_CHIPS);
}

function showChips(prompts, nShown) {
  const chips = prompts.slice(0, nShown).map((prompt) =>
    h("button", { type: "button", class: "chip", onclick: () => usePrompt(prompt) }, prompt));
  if (prompts.length > nShown) {
    const more = h("button", { type: "button", class: "chip more" }, `${prompts.length - nShown} more`);
    more.addEventListener("click", () => {
      showChips(prompts, prompts.length);
      $("#chips").children[nShown].focus();
    });
    chips.push(more);
  }
  $("#chips").replaceChildren(...chips);
}

function usePrompt(prompt) {
  $("#prompt").value = prompt;
  $("#prompt").dispatchEvent(new Event("input", { bubbles: true }));
  $("#prompt").focus();
}

function showSeconds() {
  $("#seconds-range").value = $("#seconds").value;
}
