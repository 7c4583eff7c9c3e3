// A/B: two sounds with one playhead, equally loud, and a blind switch.

import { $, $$, h, say } from "./dom.js";
import { audioContext, decode, measureLevel } from "./listening.js";

const FADE_S = 0.015;
const chosen = { A: null, B: null };
let playing = null; // {sources, gains, heard}
let names = { A: "A", B: "B" }; // what is shown on the switch

export const chosenAs = (record) => ["A", "B"].find((side) => chosen[side]?.id === record.id) ?? null;

/** Make a record one of the two; the same again: none. */
export function choose(side, record) {
  const isSame = chosen[side]?.id === record.id;
  for (const each of ["A", "B"]) if (chosen[each]?.id === record.id) chosen[each] = null;
  chosen[side] = isSame ? null : record;
  stop();
  names = { A: "A", B: "B" };
  for (const button of $$(".side")) {
    const { record: of } = button.closest(".sound");
    button.setAttribute("aria-pressed", String(chosenAs(of) === button.textContent));
  }
  draw();
}

function draw() {
  const bar = $("#compare");
  bar.hidden = !chosen.A || !chosen.B;
  if (bar.hidden) return;
  const isBlind = names.A !== "A";
  const switches = ["A", "B"].sort((a, b) => names[a].localeCompare(names[b])).map((side) =>
    h("button", { type: "button", class: "switch", "data-side": isBlind ? null : side, "aria-pressed": String(playing?.heard === side), onclick: () => hear(side) },
      isBlind ? names[side] : `${side}: ${describe(chosen[side])}`));
  bar.replaceChildren(
    h("strong", {}, isBlind ? "Which is which?" : "A or B"),
    h("button", { type: "button", class: "main play-both", onclick: playing ? stopAndDraw : play }, playing ? "Stop" : "Play both"),
    ...switches,
    h("button", { type: "button", class: "quiet", onclick: isBlind ? reveal : blind }, isBlind ? "Reveal" : "Blind"),
    h("button", { type: "button", class: "quiet", "aria-label": "Close A/B", onclick: close }, "Close"));
}

const describe = ({ settings, made }) => `${settings.prompt ?? settings.text}, seed ${made.seed}`.slice(0, 48);

async function play() {
  for (const audio of $$("audio")) audio.pause();
  const context = audioContext();
  const buffers = { A: await decode(chosen.A.wav), B: await decode(chosen.B.wav) };
  const levels = { A: measureLevel(buffers.A), B: measureLevel(buffers.B) };
  const quieter = Math.min(levels.A, levels.B) || Math.max(levels.A, levels.B) || 1;
  playing = { sources: [], gains: {}, levels: {}, heard: "A" };
  const at = context.currentTime + 0.05;
  for (const side of ["A", "B"]) {
    playing.levels[side] = levels[side] ? quieter / levels[side] : 1; // the louder one is turned down
    const gain = playing.gains[side] = new GainNode(context, { gain: side === "A" ? playing.levels.A : 0 });
    const source = new AudioBufferSourceNode(context, { buffer: buffers[side], loop: true });
    source.connect(gain).connect(context.destination);
    source.start(at);
    playing.sources.push(source);
  }
  draw();
}

function hear(side) {
  if (!playing) return;
  playing.heard = side;
  for (const each of ["A", "B"]) {
    const target = each === side ? playing.levels[each] : 0;
    playing.gains[each].gain.setTargetAtTime(target, audioContext().currentTime, FADE_S);
  }
  draw();
}

function blind() {
  const isSwapped = crypto.getRandomValues(new Uint8Array(1))[0] < 128;
  names = isSwapped ? { A: "Y", B: "X" } : { A: "X", B: "Y" };
  if (playing) hear(names.A === "X" ? "A" : "B");
  draw();
}

function reveal() {
  say(`X was ${names.A === "X" ? "A" : "B"}`);
  names = { A: "A", B: "B" };
  draw();
}

function stop() {
  for (const source of playing?.sources ?? []) source.stop();
  playing = null;
}

function stopAndDraw() {
  stop();
  draw();
}

function close() {
  if (chosen.A) choose("A", chosen.A);
  if (chosen.B) choose("B", chosen.B);
}
