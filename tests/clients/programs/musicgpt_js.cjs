// Calls of the npm package musicgpt, with a receiver for its webhook.
const http = require("node:http");
const { MusicGPTClient } = require("musicgpt");

const { TEST_URL: url, TEST_KEY: key } = process.env;

function receiver() {
  const received = {};
  received.body = new Promise((got) => {
    received.server = http.createServer((request, response) => {
      let text = "";
      request.on("data", (piece) => (text += piece));
      request.on("end", () => {
        response.end();
        got({ headers: request.headers, body: JSON.parse(text) });
      });
    });
  });
  return received;
}

async function errorOf(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.message];
  }
  throw new Error("no error");
}

async function main() {
  const { server, body } = receiver();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const client = new MusicGPTClient(key, "ERROR");
  client.base_url = `${url}/api/public/v1`;
  const accepted = await client.sound_generator({
    prompt: "rain on a tin roof",
    webhook_url: `http://127.0.0.1:${server.address().port}/hook`,
  });
  const { task_id: taskId, conversion_type: kind } = accepted;
  const done = await client.waitForCompletion(taskId, kind, 200, 60000, -1);
  const webhook = await body;
  server.close();
  const audio = await fetch(webhook.body.conversion_path);
  const stranger = new MusicGPTClient("not-a-key-of-ours", "ERROR");
  stranger.base_url = client.base_url;
  const found = {
    accepted,
    done,
    webhook,
    audio: [audio.status, audio.headers.get("content-type")],
    stranger: await errorOf(() => stranger.sound_generator({ prompt: "rain" })),
  };
  console.log(JSON.stringify(found));
}

main();
