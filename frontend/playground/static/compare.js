// A/B: two sounds with one playhead, equally loud, and a blind switch.

import { $, $$, h, say } from "./dom.js";
import { audioContext, decode, measureLevel } from "./listening.js";

const FADE_S = 0.015;
const LEAD_S = 0.05; // time to hand both to the device
const chosen = { A: null, B: null };
let playing = null; // {sources, gains, levels, heard, startedAt, length}
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
    h("button", { type: "button", class: "switch", "data-role": names[side], "aria-pressed": String(playing?.heard === side), onclick: () => hear(side) },
      isBlind ? names[side] : `${side}: ${describe(chosen[side])}`));
  const focused = document.activeElement?.dataset.role;
  bar.replaceChildren(
    h("strong", {}, isBlind ? "Which is which?" : "A or B"),
    h("button", { type: "button", class: "main", "data-role": "play", onclick: playing ? stopAndDraw : () => play(0) }, playing ? "Stop" : "Play both"),
    h("input", { type: "range", class: "playhead", "data-role": "playhead", "aria-label": "Playhead of both", min: 0, max: 1, step: 0.001, value: 0, oninput: seek, disabled: !playing }),
    ...switches,
    h("button", { type: "button", class: "quiet", "data-role": "blind", onclick: isBlind ? reveal : blind }, isBlind ? "Reveal" : "Blind"),
    h("button", { type: "button", class: "quiet", onclick: close }, "Close"));
  if (focused) $(`[data-role="${focused}"]`, bar)?.focus();
}

document.addEventListener("play", () => { if (playing) stopAndDraw(); }, true); // a sound alone

const describe = ({ settings, made }) => `${settings.prompt ?? settings.text}, seed ${made.seed}`.slice(0, 48);

/** Play both from a position, in seconds. The longer one ends with the shorter one: one playhead. */
async function play(position) {
  for (const audio of $$("audio")) audio.pause();
  const context = audioContext();
  const buffers = { A: await decode(chosen.A.wav), B: await decode(chosen.B.wav) };
  const levels = { A: measureLevel(buffers.A), B: measureLevel(buffers.B) };
  const quieter = Math.min(levels.A, levels.B) || Math.max(levels.A, levels.B) || 1;
  const heard = playing?.heard ?? (names.A === "Y" ? "B" : "A"); // blind: X first
  stop();
  const length = Math.min(buffers.A.duration, buffers.B.duration);
  const at = context.currentTime + LEAD_S;
  playing = { sources: [], gains: {}, levels: {}, heard, length, startedAt: at - position };
  for (const side of ["A", "B"]) {
    playing.levels[side] = levels[side] ? quieter / levels[side] : 1; // the louder one is turned down
    const gain = playing.gains[side] = new GainNode(context, { gain: side === heard ? playing.levels[side] : 0 });
    const source = new AudioBufferSourceNode(context, { buffer: buffers[side], loop: true, loopEnd: length });
    source.connect(gain).connect(context.destination);
    source.start(at, position);
    playing.sources.push(source);
  }
  draw();
  requestAnimationFrame(movePlayhead);
}

function movePlayhead() {
  if (!playing) return;
  const heardFor = Math.max(0, audioContext().currentTime - playing.startedAt);
  $(".playhead").value = (heardFor % playing.length) / playing.length;
  requestAnimationFrame(movePlayhead);
}

function seek() {
  play(Number($(".playhead").value) * playing.length);
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
