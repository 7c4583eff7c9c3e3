// Sounds as samples: for the seam of a loop, and for A/B.

const SEAM_S = 1.5; // heard before and after the seam
let context = null;
let seam = null;

export function audioContext() {
  context ??= new AudioContext();
  context.resume();
  return context;
}

export async function decode(blob) {
  return audioContext().decodeAudioData(await blob.arrayBuffer());
}

/** Play the end of a loop into its beginning, without a gap. */
export async function playSeam(blob) {
  seam?.stop();
  const buffer = await decode(blob);
  const around = Math.min(SEAM_S, buffer.duration);
  const source = seam = new AudioBufferSourceNode(audioContext(), { buffer, loop: true });
  source.connect(audioContext().destination);
  source.start(0, buffer.duration - around);
  source.stop(audioContext().currentTime + 2 * around);
  return new Promise((resolve) => { source.onended = resolve; });
}

/** Return the loudness of a sound: root mean square, all channels. */
export function measureLevel(buffer) {
  let sum = 0;
  for (let k = 0; k < buffer.numberOfChannels; k += 1) {
    for (const sample of buffer.getChannelData(k)) sum += sample * sample;
  }
  return Math.sqrt(sum / (buffer.length * buffer.numberOfChannels));
}
