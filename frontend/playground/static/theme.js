// Dark or light: as the device says, until somebody chooses.

import { $ } from "./dom.js";

const NAME = "tritone-theme";

export function startTheme() {
  const kept = localStorage.getItem(NAME);
  if (kept) document.documentElement.dataset.theme = kept;
  $("#theme-button").addEventListener("click", () => {
    const isDark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
    const next = isDark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem(NAME, next);
    document.dispatchEvent(new Event("theme"));
  });
}
