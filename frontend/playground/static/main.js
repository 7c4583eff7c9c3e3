// Starts the page, and shows one tab of it.

import { showCode, startCodeTab } from "./code_tab.js";
import { $, $$, showBanner } from "./dom.js";
import { showHistory, startHistoryTab } from "./history_tab.js";
import { startKey } from "./key.js";
import { startKeyboard } from "./keyboard.js";
import { loadModels, models } from "./models.js";
import { showServer } from "./server_tab.js";
import { startSoundTab } from "./sound_tab.js";
import { startSpeechTab } from "./speech_tab.js";
import { startTheme } from "./theme.js";

const AGAIN_MS = 3000;
const TABS = ["sound", "speech", "code", "history", "server"];

function showTab() {
  const wanted = location.hash.slice(1);
  const tab = TABS.includes(wanted) ? wanted : TABS[0];
  for (const each of TABS) $(`#tab-${each}`).hidden = each !== tab;
  for (const link of $$("nav a")) {
    if (link.hash === `#${tab}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (tab === "code") showCode();
  if (tab === "history") showHistory();
  showServer(tab === "server");
}

/** Ask what is served, until something is. */
async function connect() {
  try {
    await loadModels();
    const isServing = models().sounds.length || models().speech.length;
    showBanner(isServing ? null : "No model is served now. The tab Server says why.");
    if (!isServing) setTimeout(connect, AGAIN_MS);
  } catch (error) {
    showBanner(error.message);
    if (error.status !== 401) setTimeout(connect, error.retryAfterS === null || error.retryAfterS === undefined ? AGAIN_MS : error.retryAfterS * 1000);
  }
}

startTheme();
startKeyboard();
startKey(connect);
startSoundTab();
startSpeechTab();
startCodeTab();
startHistoryTab();
window.addEventListener("hashchange", showTab);
window.addEventListener("offline", () => showBanner("This device is offline. What you made is still here."));
window.addEventListener("online", connect);
showTab();
connect();
performance.mark("interactive");
