"""What was not done as asked is said by every contract: in a header, and in a job's result."""

from collections.abc import Mapping

import httpx2
import pytest

from frontend.contracts.kit.notes import NOTE_HEADER
from tests.fakes import FakeGateway
from tests.frontend.contracts.workbench import Workbench
from tritone.words import TextUse

Json = Mapping[str, object]

CUT = "22 of 41 words of the prompt were used: the model reads no more"
UNKNOWN = "the model knows no word of the negative prompt"
USES = (TextUse(41, 22, 22), TextUse(1, 1, 0))

MUSICGEN = {"input": "rain", "backend": "transformers-musicgen"}
PLAN = {
    "positive_global_styles": ["waltz"],
    "negative_global_styles": ["drums"],
    "sections": [
        {
            "section_name": "a",
            "positive_local_styles": [],
            "negative_local_styles": [],
            "duration_ms": 3000,
        }
    ],
}
AT_ONCE = {
    "/v1/audio/generate": {"input": "rain"},
    "/elevenlabs/v1/sound-generation": {"text": "rain", "bpm": 120},
    "/elevenlabs/v1/music": {"composition_plan": PLAN},
    "/elevenlabs/v1/music/stream": {"prompt": "rain"},
    "/elevenlabs/v1/music/detailed": {"prompt": "rain"},
    "/localai/v1/sound-generation": {"model_id": "starter", "text": "rain", "keyscale": "A minor"},
    "/localai/tts": MUSICGEN,
}
AS_JOBS = {
    "/jobs": ({"prompt": "rain"}, "/jobs/{id}"),
    "/v2/generate/audio": (
        {"model": "starter", "prompt": "rain", "seconds_total": 1},
        "/v2/generate/audio?generation_id={id}",
    ),
    "/api/public/v1/sound_generator": (
        {"prompt": "rain"},
        "/api/public/v1/byId?conversionType=SOUND_GENERATOR&task_id={task_id}",
    ),
}


@pytest.mark.parametrize(("path", "body"), AT_ONCE.items())
async def test_an_answer_says_what_the_model_did_not_take(
    path: str, body: Json, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    gateway.text_uses = USES
    answer = await client.post(path, json={**body, "n": 2})
    assert answer.status_code == 200, answer.text
    assert {CUT, UNKNOWN, "n ignored"} <= set(answer.headers[NOTE_HEADER].split("; "))


@pytest.mark.parametrize(("path", "case"), AS_JOBS.items())
async def test_a_job_says_at_once_what_is_ignored_and_later_what_the_model_did_not_take(
    path: str, case: tuple[Json, str], bench: Workbench
) -> None:
    (body, where), bench.gateway.text_uses = case, USES
    unknown = {"foo": 1} if "model" in body or path == "/jobs" else {"foo": 1, "model": "x"}
    ignored = "; ".join(f"{name} ignored" for name in sorted(unknown))
    accepted = await bench.client.post(path, json={**body, **unknown})
    assert accepted.headers[NOTE_HEADER] == ignored
    ids = accepted.json()
    url = where.format(**{name: ids.get(name) for name in ("id", "task_id")})
    assert (await bench.client.get(url)).headers.get(NOTE_HEADER, ignored) == ignored

    await bench.work_off((ids.get("task_id") or ids["id"]).partition(":")[0])

    finished = await bench.client.get(url)
    assert finished.headers[NOTE_HEADER] == f"{ignored}; {CUT}; {UNKNOWN}"
    if path == "/jobs":
        assert finished.json()["result"]["notes"] == [ignored, CUT, UNKNOWN]


@pytest.mark.parametrize(
    ("path", "body", "note"),
    [
        ("/elevenlabs/v1/sound-generation?x=1", {"text": "rain"}, "x ignored"),
        ("/elevenlabs/v1/music?x=1", {"prompt": "rain"}, "x ignored"),
        ("/elevenlabs/v1/text-to-speech/anna?x=1", {"text": "Hello."}, "x ignored"),
        (
            "/elevenlabs/v1/text-to-speech/anna",
            {"text": "Hello.", "voice_settings": {"speed": 1, "mood": 1}},
            "mood ignored",
        ),
        (
            "/localai/tts",
            {**MUSICGEN, "voice": "x", "response_format": "mod"},
            "the default model of sounds stands in for musicgen; "
            "voice ignored: a sound is made; wav stands in for an unknown format",
        ),
        (
            "/localai/v1/sound-generation",
            {"model_id": "starter", "text": "rain", "response_format": "mod"},
            "wav stands in for an unknown format",
        ),
    ],
)
async def test_what_a_contract_reads_past_is_noted(
    path: str, body: Json, note: str, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers[NOTE_HEADER] == note
