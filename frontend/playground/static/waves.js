// Waveforms and spectrograms, by wavesurfer.js where `make install` could fetch it.

import { $ } from "./dom.js";

const HEIGHT = 64, SPECTROGRAM_HEIGHT = 96, FFT_SAMPLES = 512;
let loading = null;

/** Give the library, or null: it is missing. */
function loadLibrary() {
  loading ??= Promise.all([import("./wavesurfer.js"), import("./spectrogram.js")])
    .then(([waves, spectrograms]) => ({ WaveSurfer: waves.default, Spectrogram: spectrograms.default }))
    .catch(() => null);
  return loading;
}

/** Draw a sound around its player; a click moves the playhead. Without the library: say so. */
export async function drawSound(audio, record, place) {
  const library = await loadLibrary();
  if (library === null) {
    audio.controls = true;
    sayMissing();
    return;
  }
  const sound = await decodeAtItsRate(record);
  const drawing = library.WaveSurfer.create({
    container: place,
    media: audio,
    peaks: Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k)),
    duration: sound.duration,
    cspNonce: $("[nonce]").nonce,
    height: HEIGHT,
    ...chooseColours(),
    cursorWidth: 2,
    barWidth: 2,
    barGap: 1,
    barRadius: 2,
    dragToSeek: true,
    plugins: [library.Spectrogram.create({
      height: SPECTROGRAM_HEIGHT,
      fftSamples: FFT_SAMPLES,
      frequencyMax: record.made.sample_rate / 2,
      scale: "mel",
      labels: false,
      useWebWorker: false,
      colorMap: "roseus",
    })],
  });
  document.addEventListener("theme", () => drawing.setOptions(chooseColours()));
}

function chooseColours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { waveColor: colour("--wave"), progressColor: colour("--accent"), cursorColor: colour("--ink") };
}

/** Samples as they are: at the device's rate a spectrogram would show what nobody made. */
async function decodeAtItsRate({ wav, made }) {
  const context = new OfflineAudioContext(1, 1, made.sample_rate);
  return context.decodeAudioData(await wav.arrayBuffer());
}

function sayMissing() {
  $("#missing").textContent = "Waveforms and spectrograms are missing: `make install` could not"
    + " fetch wavesurfer.js. Sounds are made, played and saved all the same.";
  $("#missing").hidden = false;
}
