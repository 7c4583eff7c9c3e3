"""Calls of the `elevenlabs` package 0.x, which knows no sound effects."""

import json
import os
import sys
import time
import urllib.request

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]
os.environ["ELEVEN_BASE_URL"], os.environ["ELEVEN_API_KEY"] = f"{URL}/v1", KEY

from elevenlabs import generate  # noqa: E402 -- reads the address when imported
from elevenlabs.api import History, Models, User, Voices  # noqa: E402
from elevenlabs.api.error import APIError  # noqa: E402


def call(path: str, body: object = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "authorization": KEY}
    return json.load(urllib.request.urlopen(urllib.request.Request(URL + path, data, headers)))


job = call("/jobs", {"prompt": "rain", "seconds": 1, "formats": ["mp3"]})
while job["status"] != "completed":
    time.sleep(0.1)
    job = call(f"/jobs/{job['id']}")
history = History.from_api()
item = next(each for each in history if each.history_item_id == job["id"])
result = {
    "models": [(model.model_id, model.name) for model in Models.from_api()],
    "user": User.from_api().subscription.tier,
    "voices": [voice.name for voice in Voices.from_api()][:2],
    "spoken": len(generate("Hello there. How are you.", voice="Rachel")),
    "streamed": len(b"".join(generate("Hello there. How are you.", voice="Rachel", stream=True))),
    "text": item.text,
    "audio": len(item.audio),
}
item.delete()
try:
    item.from_id(item.history_item_id)
except APIError as error:
    result["gone"] = str(error)
sys.stdout.write(json.dumps(result) + "\n")
