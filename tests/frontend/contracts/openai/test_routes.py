"""OpenAI's speech: bodies, formats, events, streams, errors."""

import base64
import json
import struct

import httpx2
import pytest

from frontend.errors import GenerationFailed, InvalidRequest, Overloaded
from frontend.triton.gateway import Catalog
from tests.cards import TALKER
from tests.conftest import ClientFactory
from tests.fakes import FakeGateway

PATH = "/v1/audio/speech"
HELLO = {"model": "tts-1", "input": "Hello there. How are you.", "voice": "anna"}
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


@pytest.mark.parametrize("path", [PATH, "/audio/speech", f"/openai{PATH}", "/openai/audio/speech"])
async def test_a_text_is_spoken(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.post(path, json=HELLO)
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/mpeg")
    assert response.headers["x-tritone-voice"] == "anna"
    assert response.headers["x-tritone-model"] == "talker"
    assert "x-tritone-note" not in response.headers
    assert len(response.content) > 1000


@pytest.mark.parametrize("word", TYPES)
async def test_every_format_has_its_type(client: httpx2.AsyncClient, word: str) -> None:
    response = await client.post(PATH, json={**HELLO, "response_format": word})
    assert (response.status_code, response.headers["content-type"]) == (200, TYPES[word])
    assert response.content


async def test_a_streamed_wav_says_open_sizes(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={**HELLO, "response_format": "wav"})
    assert struct.unpack_from("<I", response.content, 40) == (0xFFFFFFFF,)
    pcm = await client.post(PATH, json={**HELLO, "response_format": "pcm"})
    assert response.content[44:] == pcm.content


async def test_the_first_part_of_a_coded_sentence_leaves_before_the_rest(
    client: httpx2.AsyncClient,
) -> None:
    body = {**HELLO, "input": "Hello " * 16}
    audio = (await client.post(PATH, json=body)).content
    response = await client.post(PATH, json={**body, "stream_format": "sse"})
    events = [json.loads(block[len("data: ") :]) for block in response.text.split("\n\n")[:-1]]
    parts = [base64.b64decode(event["audio"]) for event in events[:-1]]
    assert b"".join(parts) == audio
    assert 5 * len(parts[0]) < len(parts[1])


async def test_events_carry_the_audio_and_end_with_the_usage(client: httpx2.AsyncClient) -> None:
    body = {**HELLO, "response_format": "pcm"}
    audio = (await client.post(PATH, json=body)).content
    response = await client.post(PATH, json={**body, "stream_format": "sse"})
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.text.split("\n\n")[:-1]
    events = [json.loads(block.removeprefix("data: ")) for block in blocks]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * 2
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == audio
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done"
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


@pytest.mark.parametrize("voice", ["anna", "ANNA", "Anna", {"id": "anna"}])
async def test_a_voice_is_named_by_id_or_name(
    client: httpx2.AsyncClient, gateway: FakeGateway, voice: object
) -> None:
    response = await client.post(PATH, json={**HELLO, "voice": voice, "speed": 1.5})
    assert response.status_code == 200
    (spoken,) = gateway.speech_passes
    assert (spoken.voice, spoken.speed, spoken.text) == ("anna", 1.5, HELLO["input"])


async def test_who_stands_in_and_what_is_ignored_is_said(client: httpx2.AsyncClient) -> None:
    body = {**HELLO, "voice": "alloy", "instructions": "Whisper.", "pitch": 2}
    response = await client.post(PATH, json=body)
    assert response.headers["x-tritone-note"].split("; ") == [
        "instructions ignored: the voice cannot be steered",
        "pitch ignored",
        "voice anna stands in for alloy",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "nope"}, (404, "model_not_found", "model")),
        ({"model": None}, (400, "invalid_value", "model")),
        ({"voice": "bob"}, (400, "voice_not_found", "voice")),
        ({"input": " "}, (400, "invalid_value", "input")),
        ({"input": "a" * 4097}, (400, "invalid_value", "input")),
        ({"input": "a" * 1001}, (400, "string_above_max_length", "input")),
        ({"response_format": "midi"}, (400, "invalid_value", "response_format")),
        ({"speed": 5}, (400, "invalid_value", "speed")),
        ({"stream_format": "ws"}, (400, "invalid_value", "stream_format")),
    ],
)
async def test_bad_input_is_refused_before_anything_is_made(
    client: httpx2.AsyncClient,
    gateway: FakeGateway,
    change: dict[str, object],
    expected: tuple[int, str, str],
) -> None:
    # An official client's header: without a voice it would be LocalAI's request.
    headers = {"x-stainless-lang": "python"}
    response = await client.post(PATH, json={**HELLO, **change}, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == expected
    assert gateway.speech_passes == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Overloaded("busy", retry_after_s=1.0), 429),
        (GenerationFailed("The sound could not be generated."), 500),
        (InvalidRequest("The text holds nothing that can be spoken.", field="text"), 400),
    ],
)
async def test_what_fails_before_the_first_chunk_has_its_status(
    client: httpx2.AsyncClient, gateway: FakeGateway, error: Exception, status: int
) -> None:
    gateway.error = error
    response = await client.post(PATH, json=HELLO)
    assert response.status_code == status
    assert response.json()["error"]["message"]


async def test_without_a_voice_it_is_unavailable(client_of: ClientFactory) -> None:
    async with client_of(FakeGateway(Catalog())) as client:
        response = await client.post(PATH, json=HELLO)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


async def test_models_are_listed_with_what_speaks(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()["data"]
    assert {model["id"] for model in listed} == {"starter", TALKER.name}
    assert (await client.get("/v1/models/tts-1")).json()["id"] == "tts-1"
