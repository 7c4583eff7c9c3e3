"""Calls of the `openai` package."""

import json
import os
import sys
from collections.abc import Callable

import openai

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]


def error_of(call: Callable[[], object]) -> tuple[str, int, object]:
    try:
        call()
    except openai.APIStatusError as error:
        return type(error).__name__, error.status_code, error.message
    raise AssertionError("no error")


def speak(own: openai.OpenAI) -> dict[str, object]:
    """Call all that the package has for speech."""
    create = own.audio.speech.create
    asked = {"model": "tts-1", "input": "Hello there. How are you.", "voice": "anna"}
    formats = ("mp3", "opus", "aac", "flac", "wav", "pcm")
    with own.audio.speech.with_streaming_response.create(
        **asked, response_format="pcm"
    ) as response:
        streamed = b"".join(response.iter_bytes())
    with own.audio.speech.with_streaming_response.create(
        **asked, stream_format="sse", instructions="Whisper.", speed=1.5
    ) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line]
    return {
        "formats": {word: len(create(**asked, response_format=word).content) for word in formats},
        "streamed": len(streamed),
        "events": sorted({event["type"] for event in events}),
        "nobody": error_of(lambda: create(**{**asked, "voice": "nobody"})),
    }


found = {}
for name, base in (("root", f"{URL}/v1"), ("localai", f"{URL}/localai/v1")):
    own = openai.OpenAI(base_url=base, api_key=KEY, max_retries=0)
    stranger = openai.OpenAI(base_url=base, api_key="not-a-key-of-ours", max_retries=0)
    found[name] = {
        "models": [model.id for model in own.models.list()],
        "one": own.models.retrieve("stabilityai/stable-audio-open-1.0").id,
        "none": error_of(lambda own=own: own.models.retrieve("nonesuch")),
        **(speak(own) if name == "root" else {}),
        "stranger": error_of(lambda stranger=stranger: stranger.models.list()),
    }
sys.stdout.write(json.dumps(found) + "\n")
