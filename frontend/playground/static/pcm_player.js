// Plays PCM while it still comes, without gaps.

import { audioContext } from "./listening.js";

const LEAD_S = 0.05; // time to hand the first samples to the device
const LOOK_MS = 100;
const FULL_SCALE = 32768;

export class PcmPlayer {
  constructor(sampleRate, channels) {
    this.sampleRate = sampleRate;
    this.channels = channels;
    this.context = audioContext();
    this.sources = [];
    this.parts = []; // Int16Array, as they came
    this.startedAt = null; // in the context's time
    this.endsAt = 0;
  }

  /** Take bytes: int16, little-endian, interleaved. */
  feed(bytes) {
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
    if (!samples.length) return;
    this.parts.push(samples);
    const source = new AudioBufferSourceNode(this.context, { buffer: this.#toBuffer(samples) });
    source.connect(this.context.destination);
    const at = Math.max(this.endsAt, this.context.currentTime + LEAD_S);
    this.startedAt ??= at;
    source.start(at);
    this.endsAt = at + source.buffer.duration;
    this.sources.push(source);
  }

  /** Seconds of the speech that were heard. */
  get position() {
    return this.startedAt === null ? 0 : this.context.currentTime - this.startedAt;
  }

  get isOver() {
    return this.context.currentTime >= this.endsAt;
  }

  async whenOver() {
    while (!this.isOver) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }

  stop() {
    for (const source of this.sources) source.stop();
    this.endsAt = 0;
  }

  /** Everything that came, as a WAV file. Source: RIFF, as in http://soundfile.sapp.org/doc/WaveFormat. */
  toWav() {
    const nBytes = this.parts.reduce((sum, part) => sum + part.byteLength, 0);
    const header = new DataView(new ArrayBuffer(44));
    const write = (at, text) => [...text].forEach((each, k) => header.setUint8(at + k, each.charCodeAt(0)));
    const frameBytes = 2 * this.channels;
    write(0, "RIFF");
    header.setUint32(4, 36 + nBytes, true);
    write(8, "WAVEfmt ");
    header.setUint32(16, 16, true);
    header.setUint16(20, 1, true);
    header.setUint16(22, this.channels, true);
    header.setUint32(24, this.sampleRate, true);
    header.setUint32(28, this.sampleRate * frameBytes, true);
    header.setUint16(32, frameBytes, true);
    header.setUint16(34, 16, true);
    write(36, "data");
    header.setUint32(40, nBytes, true);
    return new Blob([header, ...this.parts], { type: "audio/wav" });
  }

  get seconds() {
    return this.parts.reduce((sum, part) => sum + part.length, 0) / this.channels / this.sampleRate;
  }

  #toBuffer(samples) {
    const nFrames = Math.floor(samples.length / this.channels);
    const buffer = this.context.createBuffer(this.channels, nFrames, this.sampleRate);
    for (let channel = 0; channel < this.channels; channel += 1) {
      const into = buffer.getChannelData(channel);
      for (let k = 0; k < nFrames; k += 1) into[k] = samples[k * this.channels + channel] / FULL_SCALE;
    }
    return buffer;
  }
}
