"""ElevenLabs' speech: the four routes, formats, timings, headers, bad input, failures."""

import asyncio
import base64
import json
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from frontend.contracts.elevenlabs.speech_body import STREAM_FORMATS
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.errors import DeadlineExceeded, GenerationFailed, InvalidRequest, Overloaded
from frontend.triton.gateway import Catalog, Chunks, Pass, PassOptions
from tests.cards import TALKER
from tests.conftest import ClientFactory, make_app, make_settings
from tests.fakes import FakeGateway

PATH = "/v1/text-to-speech/anna"
ROUTES = [PATH, f"{PATH}/stream", f"{PATH}/with-timestamps", f"{PATH}/stream/with-timestamps"]
STREAMED = ROUTES[1::2]
TEXT = "Hello there. How are you."
HELLO = {"text": TEXT}
SECONDS = len(TEXT.replace(".", "")) / 20  # the fake voice says 20 characters in a second
SDK = {"x-fern-sdk-name": "elevenlabs", "user-agent": "elevenlabs/2.78.0"}


def _read(path: str, response: httpx2.Response) -> bytes:
    """Return the audio of any of the routes."""
    if not path.endswith("timestamps"):
        return response.content
    return b"".join(base64.b64decode(line["audio_base64"]) for line in _lines(response))


def _lines(response: httpx2.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
@pytest.mark.parametrize("path", ROUTES)
async def test_a_text_is_spoken(
    client: httpx2.AsyncClient, gateway: FakeGateway, path: str, prefix: str
) -> None:
    response = await client.post(f"{prefix}{path}?output_format=pcm_24000", json=HELLO)
    assert response.status_code == 200, response.text
    is_json = path.endswith("timestamps")
    assert response.headers["content-type"] == ("application/json" if is_json else "audio/pcm")
    assert len(_read(path, response)) == 2 * round(24_000 * SECONDS)
    assert response.headers["x-tritone-voice"] == "anna"
    assert "x-tritone-note" not in response.headers
    (spoken,) = gateway.speech_passes
    assert (spoken.text, spoken.voice, spoken.speed) == (TEXT, "anna", 1.0)
    assert spoken.options.normalizes
    assert spoken.wants_timings is is_json


@pytest.mark.parametrize("path", ROUTES)
async def test_the_headers_that_official_clients_read(
    client: httpx2.AsyncClient, path: str
) -> None:
    response = await client.post(path, json=HELLO, headers=SDK)
    assert len(response.headers["request-id"]) == 20
    assert response.headers["request-id"].isalnum()
    assert response.headers["character-cost"] == str(len(TEXT))
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert {"request-id", "character-cost"} <= set(exposed)


@pytest.mark.parametrize("word", OUTPUT_FORMATS)
@pytest.mark.parametrize("path", ROUTES)
async def test_every_output_format(client: httpx2.AsyncClient, path: str, word: str) -> None:
    response = await client.post(f"{path}?output_format={word}", json=HELLO)
    if path in STREAMED and word.startswith("wav_"):
        (fault,) = response.json()["detail"]
        assert (response.status_code, fault["loc"]) == (422, ["query", "output_format"])
        return
    assert response.status_code == 200, response.text
    codec, rate, *kilobits = word.split("_")
    assert response.headers["x-tritone-sample-rate"] == rate
    if path not in ROUTES[2:]:
        assert response.headers["content-type"] == OUTPUT_FORMATS[word].media_type
    bytes_a_second = {"pcm": 2 * int(rate), "wav": 2 * int(rate), "ulaw": 8000, "alaw": 8000}
    n_bytes = len(_read(path, response)) - (44 if codec == "wav" else 0)
    if kilobits:  # frames, pages and headers are not of the sound's length
        assert n_bytes == pytest.approx(125 * int(kilobits[0]) * SECONDS, rel=0.5)
    else:
        assert n_bytes == pytest.approx(bytes_a_second[codec] * SECONDS, abs=100)


def test_what_is_streamed_is_everything_but_wav() -> None:
    assert {word for word in OUTPUT_FORMATS if word not in STREAM_FORMATS} == {
        f"wav_{rate}" for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)
    }


async def test_a_stream_has_the_samples_of_the_whole(client: httpx2.AsyncClient) -> None:
    query = "?output_format=pcm_16000"
    whole, *others = [_read(path, await client.post(path + query, json=HELLO)) for path in ROUTES]
    assert all(other == whole for other in others)


def _check_alignment(alignment: dict[str, list[Any]]) -> None:
    starts = alignment["character_start_times_seconds"]
    ends = alignment["character_end_times_seconds"]
    assert len(alignment["characters"]) == len(starts) == len(ends) > 0
    assert all(start <= end for start, end in zip(starts, ends, strict=True))
    assert all(one <= other for one, other in pairwise(starts))


async def test_timings_count_from_the_begin_of_the_audio(client: httpx2.AsyncClient) -> None:
    whole = (await client.post(ROUTES[2], json=HELLO)).json()
    assert set(whole) == {"audio_base64", "alignment", "normalized_alignment"}
    for name in ("alignment", "normalized_alignment"):
        _check_alignment(whole[name])
        assert whole[name]["character_end_times_seconds"][-1] == pytest.approx(SECONDS)
        assert "".join(whole[name]["characters"]) == TEXT.replace(".", "")


async def test_every_streamed_line_ends_and_goes_on_where_the_last_did(
    client: httpx2.AsyncClient,
) -> None:
    whole = (await client.post(ROUTES[2], json=HELLO)).json()
    response = await client.post(ROUTES[3], json=HELLO)
    assert response.text.endswith("\n")
    lines = _lines(response)
    aligned = [line["alignment"] for line in lines if line["alignment"] is not None]
    assert len(aligned) == 2
    joined = {key: [each for a in aligned for each in a[key]] for key in aligned[0]}
    _check_alignment(joined)
    assert joined == whole["alignment"]


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("path", ROUTES)
async def test_null_and_empty_are_as_if_absent(
    client: httpx2.AsyncClient, gateway: FakeGateway, path: str, nothing: object
) -> None:
    names = (
        *("model_id", "language_code", "voice_settings", "pronunciation_dictionary_locators"),
        *("seed", "previous_text", "next_text", "previous_request_ids", "next_request_ids"),
        *("use_pvc_as_ivc", "apply_text_normalization", "apply_language_text_normalization"),
    )
    body = {**HELLO, **dict.fromkeys(names, nothing)}
    response = await client.post(path, json=body, headers=SDK)
    assert response.status_code == 200, response.text
    assert "x-tritone-note" not in response.headers
    assert gateway.speech_passes[0].voice == "anna"


async def test_nulls_within_the_settings_are_as_if_absent(client: httpx2.AsyncClient) -> None:
    names = ("stability", "similarity_boost", "style", "use_speaker_boost", "speed")
    body = {**HELLO, "voice_settings": dict.fromkeys(names)}
    response = await client.post(PATH, json=body, headers=SDK)
    assert response.status_code == 200
    assert "x-tritone-note" not in response.headers


async def test_what_has_no_effect_is_noted(client: httpx2.AsyncClient) -> None:
    body = {
        **HELLO,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": {
            "stability": 0.71,
            "similarity_boost": 0.5,
            "style": 0,
            "use_speaker_boost": True,
        },
        "previous_text": "Before.",
        "previous_request_ids": ["a", "b", "c", "d"],
        "audio_effects": {"distance": 0.5},
    }
    response = await client.post(f"{PATH}?optimize_streaming_latency=0", json=body, headers=SDK)
    assert response.status_code == 200
    assert response.headers["x-tritone-note"].split("; ") == [
        "stability ignored",
        "similarity_boost ignored",
        "style ignored",
        "use_speaker_boost ignored",
        "previous_text ignored",
        "previous_request_ids ignored",
        "audio_effects ignored",
    ]


async def test_speed_seed_and_normalization_have_an_effect(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = {
        **HELLO,
        "voice_settings": {"speed": 1.2},
        "seed": 4294967295,
        "apply_text_normalization": "off",
        "language_code": "en",
    }
    response = await client.post(PATH, json=body)
    assert response.headers["x-tritone-seed"] == "4294967295"
    await client.post(f"{PATH}?optimize_streaming_latency=4", json=HELLO)
    first, second = gateway.speech_passes
    assert (first.speed, first.seed, first.options.normalizes) == (1.2, 4294967295, False)
    assert not second.options.normalizes


async def test_a_premade_voice_is_stood_in_for(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post("/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", json=HELLO)
    assert response.headers["x-tritone-note"] == "voice anna stands in for 21m00Tcm4TlvDq8ikWAM"
    assert gateway.speech_passes[0].voice == "anna"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("voice", "change", "refusal"),
    [
        ("nobody", {}, (404, "voice_not_found")),
        ("anna", {"model_id": "nonesuch"}, (400, "unsupported_model")),
        ("anna", {"language_code": "fr"}, (400, "unsupported_language")),
        ("marie", {"language_code": "en"}, (400, "unsupported_language")),
        ("anna", {"text": "a" * 1001}, (400, "text_too_long")),
        ("anna", {"text": "a" * 20_001}, (400, "text_too_long")),
    ],
)
async def test_what_cannot_be_spoken_is_refused(
    client: httpx2.AsyncClient,
    path: str,
    voice: str,
    change: dict[str, object],
    refusal: tuple[int, str],
) -> None:
    body = {**HELLO, **change}
    response = await client.post(path.replace("anna", voice), json=body, headers=SDK)
    detail = response.json()["detail"]
    assert (response.status_code, detail["code"]) == refusal
    assert detail["status"] == detail["code"]
    expected = {"nobody": "voice_id"}.get(voice, next(iter(change), None))
    assert detail["param"] == expected


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"text": ""}, ["body", "text"]),
        ({"text": " \n"}, ["body", "text"]),
        ({"text": None}, ["body", "text"]),
        ({"text": "\ud800"}, ["body", "text"]),
        ({"seed": -1}, ["body", "seed"]),
        ({"seed": 4294967296}, ["body", "seed"]),
        ({"voice_settings": {"speed": 9}}, ["body", "voice_settings", "speed"]),
        ({"voice_settings": {"stability": 2}}, ["body", "voice_settings", "stability"]),
        ({"voice_settings": 1}, ["body", "voice_settings"]),
        ({"apply_text_normalization": "maybe"}, ["body", "apply_text_normalization"]),
        (
            {"pronunciation_dictionary_locators": [{"version_id": "v"}]},
            ["body", "pronunciation_dictionary_locators", 0, "pronunciation_dictionary_id"],
        ),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused(
    client: httpx2.AsyncClient,
    gateway: FakeGateway,
    path: str,
    change: dict[str, object],
    location: list[object],
) -> None:
    content = json.dumps({**HELLO, **change})  # a lone surrogate only travels escaped
    headers = {**SDK, "content-type": "application/json"}
    response = await client.post(path, content=content, headers=headers)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == location
    assert gateway.speech_passes == []


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Overloaded("busy", retry_after_s=1.0), 429),
        (GenerationFailed("The sound could not be generated."), 500),
        (DeadlineExceeded("late"), 504),
        (InvalidRequest("The text holds nothing that can be spoken.", field="text"), 422),
    ],
)
async def test_what_fails_before_the_first_chunk_has_its_status(
    client: httpx2.AsyncClient, gateway: FakeGateway, path: str, error: Exception, status: int
) -> None:
    gateway.error = error
    response = await client.post(path, json=HELLO, headers=SDK)
    assert response.status_code == status
    assert response.json()["detail"]


async def test_without_a_voice_it_is_unavailable(client_of: ClientFactory) -> None:
    async with client_of(FakeGateway(Catalog())) as client:
        response = await client.post(PATH, json=HELLO)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


class HalfWay(FakeGateway):
    """Speaks one chunk and then fails, or waits for ever."""

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        async for chunk in super().stream(pass_, options):
            yield chunk
            if self.unreachable is not None:
                raise self.unreachable
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(options.pass_id)
                raise


@pytest.mark.parametrize("path", STREAMED)
async def test_what_fails_after_the_first_chunk_breaks_the_connection(
    client_of: ClientFactory, path: str
) -> None:
    broken = GenerationFailed("The sound could not be generated.")
    gateway = HalfWay(Catalog(speech_cards=(TALKER,)), unreachable=broken)
    async with client_of(gateway) as client:
        with pytest.raises(GenerationFailed):
            await client.post(path, json=HELLO)


@pytest.mark.parametrize("path", ROUTES[::2])
async def test_what_fails_half_way_is_an_error_where_the_whole_is_sent(
    client_of: ClientFactory, path: str
) -> None:
    broken = GenerationFailed("The sound could not be generated.")
    gateway = HalfWay(Catalog(speech_cards=(TALKER,)), unreachable=broken)
    async with client_of(gateway) as client:
        response = await client.post(path, json=HELLO)
    assert response.status_code == 500


@pytest.mark.parametrize("path", ROUTES)
async def test_the_work_stops_when_the_client_goes(path: str) -> None:
    gateway = HalfWay(Catalog(speech_cards=(TALKER,)))
    app = make_app(make_settings(), gateway)
    has_begun = asyncio.Event()
    messages = [{"type": "http.request", "body": json.dumps(HELLO).encode()}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        if path in STREAMED:
            await has_begun.wait()
        while not gateway.speech_passes:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            has_begun.set()

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"output_format=pcm_24000",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")],
    }
    await asyncio.wait_for(app(scope, receive, send), 10)
    for _ in range(1000):
        if gateway.cancelled:
            break
        await asyncio.sleep(0.001)
    assert gateway.cancelled[0] == gateway.options[0].pass_id
