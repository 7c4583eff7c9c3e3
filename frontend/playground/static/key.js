// The API key: kept for this tab of the browser, and nowhere else.

import { $ } from "./dom.js";

const NAME = "tritone-key";
let asking = null; // one dialog at a time, however many requests were refused

export const readKey = () => sessionStorage.getItem(NAME) ?? "";

/** Ask for a key; give whether there is a new one. */
export function askForKey(reason) {
  asking ??= openDialog(reason).finally(() => { asking = null; });
  return asking;
}

function openDialog(reason) {
  const dialog = $("#key-dialog"), field = $("#key-field");
  if (reason) $("#key-reason").textContent = `${reason} It stays in this tab until you close it.`;
  field.value = readKey();
  dialog.returnValue = "cancel";
  dialog.showModal();
  field.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(keep(dialog.returnValue, field)), { once: true });
  });
}

function keep(answer, field) {
  const before = readKey(), given = field.value.trim();
  field.value = "";
  if (answer === "forget") sessionStorage.removeItem(NAME);
  if (answer === "use" && given) sessionStorage.setItem(NAME, given);
  return answer === "use" && given !== "" && given !== before;
}

export function startKey(whenNew) {
  $("#key-button").addEventListener("click", async () => {
    await askForKey("Where this server asks for a key, requests carry yours.");
    whenNew();
  });
  // Enter in the field presses the form's first button, which forgets: press the right one.
  $("#key-field").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    $("#key-dialog").close("use");
  });
}
