"""Calls of the `elevenlabs` package 1.x and 2.x that speak, and those about voices."""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator

from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.environment import ElevenLabsEnvironment

URL, TLS_URL, KEY = os.environ["TEST_URL"], os.environ["TEST_TLS_URL"], os.environ["TEST_KEY"]
IS_2 = os.environ["TEST_MAJOR"] == "2"
TEXT = "Hello there. How are you."
PCM = {"text": TEXT, "output_format": "pcm_16000"}


def client(url: str, key: str = KEY) -> ElevenLabs:
    if IS_2:
        return ElevenLabs(base_url=url, api_key=key)
    return ElevenLabs(environment=ElevenLabsEnvironment(base=url, wss=url), api_key=key)


def status_of(call: Callable[[], object]) -> tuple[int, object]:
    try:
        call()
    except ApiError as error:
        return error.status_code, error.body
    raise AssertionError("no error")


def say(*texts: str) -> Iterator[str]:
    yield from texts


own = client(URL)
speech = own.text_to_speech
stream = speech.stream if IS_2 else speech.convert_as_stream
timed = speech.convert_with_timestamps("anna", **PCM)
lines = list(speech.stream_with_timestamps("anna", **PCM))


def realtime(key: str = KEY, voice: str = "anna") -> bytes:
    chunks = client(TLS_URL, key).text_to_speech.convert_realtime(
        voice,
        text=say("Hello there. ", "How are you."),
        model_id="eleven_multilingual_v2",
        output_format="pcm_16000",
        voice_settings=VoiceSettings(stability=0.5, similarity_boost=0.5),
    )
    return b"".join(chunks)


def audio_of(answer: object) -> bytes:
    content = answer if isinstance(answer, dict) else answer.dict()
    return base64.b64decode(content.get("audio_base64") or content["audio_base_64"])


def alignment_of(answer: object) -> list[str]:
    content = answer if isinstance(answer, dict) else answer.dict()
    return (content["alignment"] or {"characters": []})["characters"]


voices = own.voices
result = {
    "converted": len(b"".join(speech.convert("anna", text=TEXT))),
    "pcm": len(b"".join(speech.convert("anna", **PCM))),
    "all": len(
        b"".join(
            speech.convert(
                "21m00Tcm4TlvDq8ikWAM",
                **PCM,
                model_id="eleven_multilingual_v2",
                language_code="en",
                voice_settings=VoiceSettings(
                    stability=0.5, similarity_boost=0.5, style=0.0, use_speaker_boost=True
                ),
                seed=7,
                previous_text="Before.",
                apply_text_normalization="auto",
            )
        )
    ),
    "streamed": len(b"".join(stream("anna", **PCM))),
    "timed": (len(audio_of(timed)), "".join(alignment_of(timed))),
    "lines": (
        sum(len(audio_of(line)) for line in lines),
        "".join("".join(alignment_of(line)) for line in lines),
    ),
    "realtime": len(realtime()),
    "realtime_stranger": status_of(lambda: realtime(key="wrong")),
    "realtime_nobody": status_of(lambda: realtime(voice="nobody")),
    "nobody": status_of(lambda: list(speech.convert("nobody", text=TEXT))),
    "voices": [voice.name for voice in voices.get_all().voices][:2],
    "search": [voice.voice_id for voice in voices.search(search="rachel").voices],
    "voice": voices.get("anna").name,
    "settings": (voices.settings.get("anna") if IS_2 else voices.get_settings("anna")).dict(),
    "default": (voices.settings.get_default() if IS_2 else voices.get_default_settings()).dict(),
}
if not IS_2:
    result["generated"] = len(b"".join(own.generate(text=TEXT, voice="Rachel")))
sys.stdout.write(json.dumps(result) + "\n")
