// Calls of the npm package openai.
const { OpenAI } = require("openai");

const { TEST_URL: url, TEST_KEY: key } = process.env;

async function errorOf(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status, error.message];
  }
  throw new Error("no error");
}

async function main() {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-a-key", maxRetries: 0 });
  const models = [];
  for await (const model of client.models.list()) {
    models.push(model.id);
  }
  const asked = { model: "tts-1", input: "Hello there. How are you.", voice: "anna" };
  const formats = {};
  for (const word of ["mp3", "opus", "aac", "flac", "wav", "pcm"]) {
    const spoken = await client.audio.speech.create({ ...asked, response_format: word });
    formats[word] = (await spoken.arrayBuffer()).byteLength;
  }
  const sse = await client.audio.speech.create({ ...asked, stream_format: "sse" });
  const lines = (await sse.text()).split("\n").filter((line) => line);
  const found = {
    formats,
    events: [...new Set(lines.map((line) => JSON.parse(line.slice(6)).type))].sort(),
    nobody: await errorOf(() => client.audio.speech.create({ ...asked, voice: "nobody" })),
    models,
    one: (await client.models.retrieve("stabilityai/stable-audio-open-1.0")).id,
    none: await errorOf(() => client.models.retrieve("nonesuch")),
    stranger: await errorOf(() => stranger.models.list()),
  };
  console.log(JSON.stringify(found));
}

main();
