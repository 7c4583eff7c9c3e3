// Calls of @elevenlabs/elevenlabs-js, which checks every answer against its schema.
const { ElevenLabsClient } = require("@elevenlabs/elevenlabs-js");

const { TEST_URL: url, TEST_KEY: key } = process.env;

async function bytes(answer) {
  return (await new Response(await answer).arrayBuffer()).byteLength;
}

function audioBytes(timed) {
  return Buffer.from(timed.audioBase64, "base64").length;
}

async function errorOf(call) {
  try {
    await bytes(call());
  } catch (error) {
    return [error.constructor.name, error.statusCode, error.body];
  }
  throw new Error("no error");
}

async function madeByAJob() {
  const headers = { "content-type": "application/json", "x-api-key": key };
  const body = JSON.stringify({ prompt: "rain", seconds: 1, formats: ["mp3"] });
  let job = await (await fetch(`${url}/jobs`, { method: "POST", headers, body })).json();
  while (job.status !== "completed") {
    await new Promise((done) => setTimeout(done, 100));
    job = await (await fetch(`${url}/jobs/${job.id}`, { headers })).json();
  }
  return job.id;
}

async function main() {
  const client = new ElevenLabsClient({ baseUrl: url, apiKey: key });
  const stranger = new ElevenLabsClient({ baseUrl: url, apiKey: "not-a-key-of-ours" });
  const effects = client.textToSoundEffects;
  const itemId = await madeByAJob();
  const page = await client.history.list();
  const raw = await effects
    .convert({ text: "rain", durationSeconds: 1, outputFormat: "pcm_16000" })
    .withRawResponse();
  const plan = await client.music.compositionPlan.create({
    prompt: "a waltz, strings, no drums",
    musicLengthMs: 3000,
  });
  const detailed = await client.music.composeDetailed({ prompt: "a waltz", musicLengthMs: 3000 });
  const speech = client.textToSpeech;
  const pcm = { text: "Hello there. How are you.", outputFormat: "pcm_16000" };
  const timed = await speech.convertWithTimestamps("anna", pcm);
  const lines = [];
  for await (const line of await speech.streamWithTimestamps("anna", pcm)) {
    lines.push(line);
  }
  const searched = await client.voices.search({ search: "rachel" });
  const found = {
    spoken: await bytes(speech.convert("anna", pcm)),
    spokenStream: await bytes(speech.stream("anna", pcm)),
    timed: [audioBytes(timed), timed.alignment.characters.join("")],
    timedStream: [
      lines.map(audioBytes).reduce((one, other) => one + other, 0),
      lines.flatMap((line) => line.alignment?.characters ?? []).join(""),
    ],
    nobody: await errorOf(() => speech.convert("nobody", pcm)),
    voices: (await client.voices.getAll()).voices.slice(0, 2).map((voice) => voice.name),
    search: [searched.voices.map((voice) => voice.name), searched.hasMore, searched.totalCount],
    voice: (await client.voices.get("anna")).name,
    settings: (await client.voices.settings.get("anna")).speed,
    defaultSettings: (await client.voices.settings.getDefault()).speed,
    plan: [plan.positiveGlobalStyles, plan.negativeGlobalStyles],
    section_ms: plan.sections[0].durationMs,
    from_plan: await bytes(
      client.music.compose({ compositionPlan: plan, outputFormat: "pcm_8000" }),
    ),
    detailed_plan: detailed.json.compositionPlan.positiveGlobalStyles,
    detailed_audio: detailed.audio.byteLength,
    detailed_name: detailed.filename,
    song_id: detailed.songId,
    plain: await bytes(effects.convert({ text: "rain" })),
    loop: await bytes(
      effects.convert({
        text: "rain",
        loop: true,
        durationSeconds: 1,
        promptInfluence: 0.5,
        modelId: "eleven_text_to_sound_v2",
      }),
    ),
    pcm: await bytes(raw.data),
    requestId: raw.rawResponse.headers.get("request-id"),
    bad: await errorOf(() => effects.convert({ text: "rain", durationSeconds: 31 })),
    stranger: await errorOf(() => stranger.textToSoundEffects.convert({ text: "rain" })),
    composed: await bytes(client.music.compose({ prompt: "a waltz", musicLengthMs: 3000 })),
    streamed: await bytes(
      client.music.stream({ prompt: "a waltz", musicLengthMs: 3000, outputFormat: "pcm_8000" }),
    ),
    models: (await client.models.list()).map((model) => [model.modelId, model.name]),
    user: (await client.user.get()).subscription.tier,
    subscription: (await client.user.subscription.get()).status,
    listed: page.history.some((item) => item.historyItemId === itemId),
    text: (await client.history.get(itemId)).text,
    audio: await bytes(client.history.getAudio(itemId)),
    download: await bytes(client.history.download({ historyItemIds: [itemId] })),
  };
  await client.history.delete(itemId);
  found.gone = await errorOf(() => client.history.get(itemId));
  console.log(JSON.stringify(found));
}

main();
