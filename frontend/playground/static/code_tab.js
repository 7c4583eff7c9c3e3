// The code tab: what the forms ask for, as programs.

import { LANGUAGES } from "./code_languages.js";
import { ROWS } from "./code_table.js";
import { $, $$, fill, h, say } from "./dom.js";
import { readKey } from "./key.js";
import { models } from "./models.js";
import { nameFile } from "./names.js";
import { readSettings } from "./sound_form.js";
import { readSpeech } from "./speech_tab.js";

let language = LANGUAGES[0][0];

export function startCodeTab() {
  fill($("#contract"), ROWS.map((row) => [row.id, row.title]), "vllm-omni");
  $("#contract").addEventListener("change", showCode);
  $("#language").append(...LANGUAGES.map(([id, words]) =>
    h("button", { type: "button", "data-language": id, "aria-pressed": String(id === language), onclick: () => choose(id) }, words)));
  $("#copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText($("#code").textContent);
    say("Copied");
    $("#copy").textContent = "Copied";
    setTimeout(() => { $("#copy").textContent = "Copy"; }, 1500);
  });
}

export function showCode() {
  const row = ROWS.find((each) => each.id === $("#contract").value);
  const [, , write] = LANGUAGES.find(([id]) => id === language);
  $("#code").textContent = write(toCall(row));
}

function choose(id) {
  language = id;
  for (const button of $$("#language button")) button.setAttribute("aria-pressed", String(button.dataset.language === id));
  showCode();
}

function toCall(row) {
  const isSound = row.task === "sound";
  const settings = isSound ? readSettings() : readSpeech();
  const served = isSound ? models().sounds : models().speech;
  const card = served.find((each) => each.name === settings.model) ?? served[0];
  const path = typeof row.path === "function" ? row.path(settings) : row.path;
  const base = new URL(".", document.baseURI).href;
  const made = { seed: settings.seed ?? 0, seconds: settings.seconds ?? 0 };
  const extension = row.extension ?? (settings.format === "opus" ? "ogg" : settings.format);
  return {
    base,
    url: base + path + (row.query ?? ""),
    headers: [...(readKey() ? [row.key("YOUR_KEY")] : []), ["Content-Type", "application/json"]],
    body: row.body(settings, card),
    file: isSound ? nameFile(settings.prompt, made, extension) : `speech.${extension}`,
    job: row.job,
  };
}
