// One sound with Node's own fetch: node sound.mjs [prompt] [file]
import { writeFile } from "node:fs/promises";

const { TRITONE_URL = "http://localhost:8080", TRITONE_KEY = "none" } = process.env;
const [prompt = "rain falling on a tin roof", file = "rain.mp3"] = process.argv.slice(2);

const answer = await fetch(`${TRITONE_URL}/v1/sound-generation`, {
  method: "POST",
  headers: { "Content-Type": "application/json", "xi-api-key": TRITONE_KEY },
  body: JSON.stringify({ text: prompt, duration_seconds: 5 }),
  signal: AbortSignal.timeout(120_000), // the server stops, too, when the client goes
});
if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
await writeFile(file, new Uint8Array(await answer.arrayBuffer()));
console.log(file);
