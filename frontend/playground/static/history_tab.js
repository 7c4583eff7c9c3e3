// The history: cards of earlier sounds.

import { $, h } from "./dom.js";
import { forgetAll, forgetOne, recall } from "./history.js";
import { makeSoundCard } from "./sound_card.js";
import { ACTIONS } from "./sound_tab.js";

const PAGE = 12;

export function startHistoryTab() {
  $("#forget").addEventListener("click", async () => {
    await forgetAll();
    await showHistory();
  });
}

export async function showHistory() {
  const records = await recall();
  $("#past").replaceChildren();
  if (!records.length) $("#past").append(h("p", { class: "lead" }, "Nothing yet."));
  showPage(records);
}

function showPage(records) {
  const drop = (record) => forgetOne(record.id);
  for (const record of records.slice(0, PAGE)) {
    $("#past").append(makeSoundCard(record, record.task === "sound" ? { ...ACTIONS, drop } : { drop }));
  }
  const rest = records.slice(PAGE);
  if (!rest.length) return;
  const more = h("button", { type: "button", onclick: () => { more.remove(); showPage(rest); } }, "Older");
  $("#past").append(more);
}
