"""Calls of the `elevenlabs` package 1.x and 2.x."""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable

from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.environment import ElevenLabsEnvironment
from elevenlabs.errors import UnprocessableEntityError

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]
IS_2 = os.environ["TEST_MAJOR"] == "2"


def client(key: str) -> ElevenLabs:
    if IS_2:
        return ElevenLabs(base_url=URL, api_key=key)
    return ElevenLabs(environment=ElevenLabsEnvironment(base=URL, wss=URL), api_key=key)


def made_by_a_job() -> str:
    """Make something for the history."""
    headers = {"content-type": "application/json", "x-api-key": KEY}
    body = json.dumps({"prompt": "rain", "seconds": 1, "formats": ["mp3"]}).encode()
    request = urllib.request.Request(f"{URL}/jobs", body, headers)
    job = json.load(urllib.request.urlopen(request))
    while job["status"] != "completed":
        time.sleep(0.1)
        request = urllib.request.Request(f"{URL}/jobs/{job['id']}", headers=headers)
        job = json.load(urllib.request.urlopen(request))
    return str(job["id"])


def status_of(call: Callable[[], object]) -> tuple[str, int, object]:
    try:
        call()
    except (ApiError, UnprocessableEntityError) as error:
        detail = error.body if isinstance(error.body, dict) else error.body.dict()
        return type(error).__name__, error.status_code, detail
    raise AssertionError("no error")


def sounds(own: ElevenLabs) -> dict[str, object]:
    effects = own.text_to_sound_effects
    found: dict[str, object] = {
        "plain": len(b"".join(effects.convert(text="rain"))),
        "nulls": len(
            b"".join(effects.convert(text="rain", duration_seconds=None, prompt_influence=None))
        ),
        "pcm": len(
            b"".join(effects.convert(text="rain", duration_seconds=1.0, output_format="pcm_16000"))
        ),
        "extra": len(
            b"".join(
                effects.convert(
                    text="rain",
                    duration_seconds=1.0,
                    request_options={
                        "additional_body_parameters": {"model_id": "starter", "bpm": 90}
                    },
                )
            )
        ),
        "bad": status_of(lambda: list(effects.convert(text="rain", duration_seconds=31.0))),
        "blank": status_of(lambda: list(effects.convert(text=" "))),
        "stranger": status_of(
            lambda: list(client("not-a-key-of-ours").text_to_sound_effects.convert(text="rain"))
        ),
    }
    if IS_2:
        loop = effects.convert(
            text="rain", loop=True, duration_seconds=1.0, model_id="eleven_text_to_sound_v2"
        )
        found["loop"] = len(b"".join(loop))
        with effects.with_raw_response.convert(text="rain", duration_seconds=1.0) as response:
            found["headers"] = dict(response.headers)
    return found


def music(own: ElevenLabs) -> dict[str, object]:
    audio = own.music.compose(prompt="a waltz", music_length_ms=3000)
    streamed = own.music.stream(prompt="a waltz", music_length_ms=3000, output_format="pcm_8000")
    plan = own.music.composition_plan.create(
        prompt="a waltz, strings, no drums", music_length_ms=3000
    )
    from_plan = own.music.compose(composition_plan=plan, output_format="pcm_8000")
    detailed = own.music.compose_detailed(prompt="a waltz", music_length_ms=3000)
    return {
        "composed": len(b"".join(audio)),
        "streamed": len(b"".join(streamed)),
        "plan": (plan.positive_global_styles, plan.negative_global_styles),
        "section_ms": plan.sections[0].duration_ms,
        "from_plan": len(b"".join(from_plan)),
        "detailed_plan": detailed.json["composition_plan"]["positive_global_styles"],
        "detailed_audio": len(detailed.audio),
        "detailed_name": detailed.filename,
        "song_id": detailed.song_id,
    }


def account(own: ElevenLabs) -> dict[str, object]:
    models = own.models.list() if IS_2 else own.models.get_all()
    subscription = own.user.subscription.get() if IS_2 else own.user.get_subscription()
    return {
        "models": [(model.model_id, model.name) for model in models],
        "subscription": (subscription.status, subscription.character_limit),
        "user": own.user.get().subscription.tier,
    }


def history(own: ElevenLabs) -> dict[str, object]:
    item_id = made_by_a_job()
    page = own.history.list() if IS_2 else own.history.get_all()
    get_audio = own.history.get_audio
    found = {
        "listed": [item.history_item_id for item in page.history][:1] == [item_id],
        "text": own.history.get(item_id).text,
        "audio": len(b"".join(get_audio(item_id))),
        "download": len(b"".join(own.history.download(history_item_ids=[item_id]))),
    }
    own.history.delete(item_id)
    return {**found, "gone": status_of(lambda: own.history.get(item_id))}


own = client(KEY)
result = {**sounds(own), **account(own), **history(own)}
if IS_2:
    result |= music(own)
sys.stdout.write(json.dumps(result) + "\n")
