"""Calls of the `musicgpt` package 0.0.0, which has no method for sounds: that one is as printed."""

import json
import os
import sys

import requests
from musicgpt import MusicGPTClient
from musicgpt.schema import MusicGPTConversionType
from musicgpt.utils.exceptions import MusicGPTAPIError

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]

client = MusicGPTClient(KEY, log_level="ERROR")
client.base_url = f"{URL}/api/public/v1"
accepted = requests.post(
    f"{client.base_url}/SoundGenerator",
    json={
        "prompt": "sound of an ancient temple door creaking open",
        "webhook_url": "https://abcd.requestcatcher.com/",
    },
    headers={"Authorization": KEY, "Content-Type": "application/json"},
    timeout=30,
).json()
kind = next(iter(MusicGPTConversionType))
done = client.wait_for_completion(accepted["task_id"], kind, poll_interval=0.2, verbose=-1)
try:
    client.get_conversion(kind, task_id="nonesuch")
    missing = ""
except MusicGPTAPIError as error:
    missing = str(error)
result = {"accepted": accepted, "success": done.success, "conversion": done.conversion}
sys.stdout.write(json.dumps(result | {"missing": missing}) + "\n")
