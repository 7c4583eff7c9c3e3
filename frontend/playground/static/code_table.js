// How each API of this server is asked for what the forms show. One row an API and task.
//
// `body` gives the JSON; `query` what stands in the address; `key` the header that its clients send.
// `job`: the answer is a job, whose state is asked for at `job.state(id)` until it is `job.done`.

const drop = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ""));

/** ElevenLabs' `prompt_influence` for a guidance scale: 0 is none, 0.3 the model's own, 1 twice that. */
function influence(scale, card) {
  if (scale === null || !card) return null;
  const own = Math.max(1.001, card.default_guidance_scale);
  const found = scale <= own ? 0.3 * (scale - 1) / (own - 1) : 0.3 + 0.7 * (scale / own - 1);
  return Number(Math.min(1, Math.max(0, found)).toFixed(4));
}

const bearer = (key) => ["Authorization", `Bearer ${key}`];
const elevenlabs = (key) => ["xi-api-key", key];

export const ROWS = [
  {
    id: "tritone", task: "sound", title: "Tritone: a job with progress", path: "jobs", key: bearer,
    body: (s) => ({ ...drop({ ...s, format: null, loop: s.loop || null }), formats: [s.format] }),
    job: { id: "id", state: (id) => `jobs/${id}`, done: "completed", failed: ["error", "cancelled"], status: ["status"], link: ["result", "files", 0, "url"] },
  },
  {
    id: "vllm-omni", task: "sound", title: "vLLM-Omni", path: "v1/audio/generate", key: bearer,
    body: (s) => drop({
      input: s.prompt, model: s.model, audio_length: s.seconds, seed: s.seed, num_inference_steps: s.steps,
      guidance_scale: s.guidance_scale, negative_prompt: s.negative_prompt, response_format: s.format,
    }),
  },
  {
    id: "elevenlabs", task: "sound", title: "ElevenLabs", path: "elevenlabs/v1/sound-generation", key: elevenlabs, extension: "mp3",
    query: "?output_format=mp3_44100_128",
    body: (s, card) => drop({
      text: s.prompt, model_id: s.model, duration_seconds: s.seconds, loop: s.loop || null,
      prompt_influence: influence(s.guidance_scale, card),
    }),
  },
  {
    id: "localai", task: "sound", title: "LocalAI", path: "localai/v1/sound-generation", key: bearer,
    body: (s, card) => drop({
      model_id: s.model, text: s.prompt, duration_seconds: s.seconds,
      prompt_influence: influence(s.guidance_scale, card), response_format: s.format,
    }),
  },
  {
    id: "aimlapi", task: "sound", title: "AI/ML API", path: "v2/generate/audio", key: bearer,
    body: (s) => drop({ model: s.model, prompt: s.prompt, seconds_total: Math.max(1, s.seconds), steps: s.steps }),
    job: { id: "id", state: (id) => `v2/generate/audio?generation_id=${id}`, done: "completed", failed: ["error"], status: ["status"], link: ["audio_file", "url"] },
    extension: "wav",
  },
  {
    id: "musicgpt", task: "sound", title: "MusicGPT", path: "api/public/v1/sound_generator", key: (key) => ["Authorization", key],
    body: (s) => drop({ prompt: s.prompt, audio_length: Math.max(1, Math.round(s.seconds)) }),
    job: {
      id: "task_id", state: (id) => `api/public/v1/byId?conversionType=SOUND_GENERATOR&task_id=${id}`,
      done: "COMPLETED", failed: ["FAILED"], status: ["conversion", "status"], link: ["conversion", "conversion_path_wav"],
    },
    extension: "wav",
  },
  {
    id: "elevenlabs-speech", task: "speech", title: "ElevenLabs: speech", key: elevenlabs, extension: "mp3",
    path: (s) => `elevenlabs/v1/text-to-speech/${encodeURIComponent(s.voice)}`, query: "?output_format=mp3_44100_128",
    body: (s) => ({ text: s.text, model_id: "eleven_multilingual_v2", voice_settings: { speed: s.speed } }),
  },
  {
    id: "openai", task: "speech", title: "OpenAI: speech", path: "openai/v1/audio/speech", key: bearer, extension: "mp3",
    body: (s) => ({ model: "tts-1", voice: s.voice, input: s.text, speed: s.speed, response_format: "mp3" }),
  },
  {
    id: "localai-speech", task: "speech", title: "LocalAI: speech", path: "localai/tts", key: bearer, extension: "wav",
    body: (s, card) => ({ model: card?.name ?? "tts-1", voice: s.voice, input: s.text, response_format: "wav" }),
  },
  {
    id: "tritone-speech", task: "speech", title: "Tritone: a job that speaks", path: "jobs", key: bearer, extension: "mp3",
    body: (s) => ({ task: "speech", text: s.text, voice: s.voice, speed: s.speed, formats: ["mp3"] }),
    job: { id: "id", state: (id) => `jobs/${id}`, done: "completed", failed: ["error", "cancelled"], status: ["status"], link: ["result", "files", 0, "url"] },
  },
];
