"""ElevenLabs' WebSocket, over a real connection: text comes in pieces, audio goes out in order."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontend.contracts.elevenlabs import stream_input
from frontend.contracts.elevenlabs.text_buffer import MAX_BUFFERED, TextBuffer
from frontend.contracts.kit.conversation import MAX_MESSAGE_BYTES
from frontend.errors import GenerationFailed, Overloaded, RequestTooLarge
from frontend.settings import Settings
from frontend.triton.gateway import Catalog
from tests.cards import TALKER
from tests.conftest import make_app, make_settings
from tests.fakes import FakeGateway

PATH = "/v1/text-to-speech/anna/stream-input"
FIRST = {"text": " ", "try_trigger_generation": True, "voice_settings": None}
END = {"text": ""}
PATIENCE_S = 20.0


@asynccontextmanager
async def serving(gateway: FakeGateway, settings: Settings | None = None) -> AsyncIterator[str]:
    """Serve on a loopback port; give `host:port`."""
    async with serving_app(make_app(settings or make_settings(), gateway)) as address:
        yield address


@asynccontextmanager
async def serving_app(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on a loopback port; give `host:port`."""
    server = uvicorn.Server(
        uvicorn.Config(app, ws="websockets-sansio", log_config=None, lifespan="off")
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(running, PATIENCE_S)


@asynccontextmanager
async def talking(
    gateway: FakeGateway,
    query: str = "?output_format=pcm_24000",
    settings: Settings | None = None,
    **headers: str,
) -> AsyncIterator[ClientConnection]:
    """Give a connection to a server of its own."""
    async with serving(gateway, settings) as address:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"ws://{address}{PATH}{query}"
        async with connect(url, additional_headers=named, proxy=None) as connection:
            yield connection


async def _say(connection: ClientConnection, *messages: object) -> None:
    with suppress(ConnectionClosed):  # what was refused already is seen by whoever listens
        for message in messages:
            await connection.send(json.dumps(message))


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE_S))
    return received


async def _listen(connection: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """Return every message until the connection is closed, and its close code and reason."""
    received = []
    while True:
        try:
            received.append(await _receive(connection))
        except ConnectionClosed:
            return received, connection.close_code or 0, connection.close_reason or ""


def _audio(received: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(each["audio"]) for each in received if each.get("audio"))


async def test_text_in_pieces_is_spoken_and_the_end_is_said(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await _say(connection, FIRST, {"text": "Hello "}, {"text": "there. "}, END)
        received, code, _ = await _listen(connection)
    assert code == 1000
    (spoken,) = gateway.speech_passes
    assert (spoken.text, spoken.voice) == (" Hello there. ", "anna")
    assert received[-1] == {
        "audio": None,
        "isFinal": True,
        "alignment": None,
        "normalizedAlignment": None,
    }
    assert len(_audio(received)) == 2 * 24_000 * len(" Hello there") // 20
    alignment = received[0]["alignment"]
    assert "".join(alignment["chars"]) == " Hello there"
    assert alignment["charStartTimesMs"][:2] == [0, 50]
    assert set(alignment["charDurationsMs"]) == {50}


async def test_a_flush_is_spoken_before_more_text_comes(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await _say(connection, FIRST, {"text": "One. "}, {"text": " ", "flush": True})
        first = await _receive(connection)
        await _say(connection, {"text": "Two. ", "flush": True})
        second = await _receive(connection)
        await _say(connection, END)
        _, code, _ = await _listen(connection)
    assert code == 1000
    assert [each.text.strip() for each in gateway.speech_passes] == ["One.", "Two."]
    assert first["alignment"]["charStartTimesMs"][0] == 0
    # The pause between passages is at the begin of the later one.
    assert second["alignment"]["charStartTimesMs"][0] == 260
    n_bytes = len(base64.b64decode(second["audio"]))
    assert n_bytes == 2 * round(24_000 * (0.26 + len("Two") / 20))


async def test_the_schedule_decides_when_text_is_spoken(gateway: FakeGateway) -> None:
    config = {"generation_config": {"chunk_length_schedule": [50, 500]}}
    sentence = "This is a sentence of some length. "  # 35 characters
    async with talking(gateway) as connection:
        await _say(connection, {**FIRST, **config}, *[{"text": sentence}] * 3)
        assert base64.b64decode((await _receive(connection))["audio"])
        await _say(connection, END)
        await _listen(connection)
    assert [each.text.strip() for each in gateway.speech_passes] == [
        f"{sentence}{sentence}".strip(),
        sentence.strip(),
    ]


async def test_auto_mode_speaks_every_message(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await _say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, {"text": "👍 "}, END)
        _, code, _ = await _listen(connection)
    assert code == 1000
    assert [each.text for each in gateway.speech_passes] == ["One. ", "Two. "]


async def test_the_audio_is_one_file(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=opus_48000_64") as connection:
        await _say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, END)
        received, _, _ = await _listen(connection)
    assert _audio(received).startswith(b"OggS")
    assert _audio(received).count(b"OpusHead") == 1


async def test_how_to_speak_is_said_first(gateway: FakeGateway) -> None:
    query = "?seed=7&language_code=en&apply_text_normalization=off&model_id=eleven_flash_v2_5"
    async with talking(gateway, query) as connection:
        await _say(connection, {"text": "Hello.", "voice_settings": {"speed": 1.5}}, END)
        _, code, _ = await _listen(connection)
    (spoken,) = gateway.speech_passes
    assert (code, spoken.seed, spoken.speed, spoken.options.normalizes) == (1000, 7, 1.5, False)


async def test_without_a_seed_all_passages_have_the_same(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await _say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, END)
        await _listen(connection)
    assert len({each.seed for each in gateway.speech_passes}) == 1


async def test_a_passage_that_cannot_be_read_is_left_out(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await _say(connection, FIRST, {"text": "One. "}, {"text": "мир. "}, {"text": "Two. "}, END)
        _, code, _ = await _listen(connection)
    assert code == 1000
    assert [each.text for each in gateway.speech_passes] == ["One. ", "Two. "]


async def test_a_conversation_that_cannot_be_read_is_an_error(gateway: FakeGateway) -> None:
    async with talking(gateway, "?output_format=pcm_8000") as connection:
        await _say(connection, FIRST, {"text": "мир. "}, END)
        received, code, _ = await _listen(connection)
    assert (code, received[-1]["error"]) == (1008, "invalid_parameters")
    assert "Cyrillic" in received[-1]["message"]


@pytest.mark.parametrize(
    ("query", "first", "error"),
    [
        ("?output_format=wav_44100", FIRST, "invalid_parameters"),
        ("?inactivity_timeout=181", FIRST, "invalid_parameters"),
        ("?language_code=it", FIRST, "unsupported_language"),
        ("?model_id=nonesuch", FIRST, "unsupported_model"),
        ("", {"text": 1}, "invalid_parameters"),
        ("", {}, "invalid_parameters"),
        ("", [], "invalid_parameters"),
        ("", {**FIRST, "voice_settings": {"speed": 9}}, "invalid_parameters"),
        (
            "",
            {**FIRST, "generation_config": {"chunk_length_schedule": [5]}},
            "invalid_parameters",
        ),
    ],
)
async def test_what_is_wrong_is_a_message_and_a_close_code(
    gateway: FakeGateway, query: str, first: object, error: str
) -> None:
    async with talking(gateway, query) as connection:
        await _say(connection, first)
        received, code, reason = await _listen(connection)
    assert (code, reason) == (1008, error)
    (message,) = received
    assert (message["error"], message["code"]) == (error, 1008)
    assert message["message"]
    assert gateway.speech_passes == []


async def test_too_long_a_message_is_refused(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await _say(connection, FIRST, {"text": "a " * (MAX_MESSAGE_BYTES // 2)})
        received, code, _ = await _listen(connection)
    assert (code, received[0]["error"]) == (1009, "request_too_large")


async def test_silence_ends_the_connection(gateway: FakeGateway) -> None:
    async with talking(gateway, "?inactivity_timeout=0.05") as connection:
        await _say(connection, FIRST)
        received, code, reason = await _listen(connection)
    assert (code, reason) == (1008, "input_timeout_exceeded")
    assert received[0]["error"] == "input_timeout_exceeded"


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (Overloaded("busy", retry_after_s=1.0), 1013, "system_busy"),
        (GenerationFailed("The sound could not be generated."), 1011, "internal_error"),
    ],
)
async def test_what_fails_says_so(
    gateway: FakeGateway, error: Exception, code: int, name: str
) -> None:
    gateway.error = error
    async with talking(gateway) as connection:
        await _say(connection, FIRST, {"text": "Hello.", "flush": True})
        received, closed, _ = await _listen(connection)
    assert (closed, received[-1]["error"]) == (code, name)


async def test_the_work_stops_when_the_client_goes(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    async with talking(gateway) as connection:
        await _say(connection, FIRST, {"text": "Hello.", "flush": True})
        while not gateway.options:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.001)
        await connection.close()
        async with asyncio.timeout(PATIENCE_S):
            while not gateway.cancelled:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    assert gateway.cancelled == [gateway.options[0].pass_id]


async def test_who_writes_faster_than_we_speak_waits(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    line = {"text": "A line. ", "flush": True}
    async with talking(gateway, "?output_format=pcm_8000") as connection:
        await _say(connection, FIRST, *[line] * 40)
        while not gateway.options:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.001)
        gateway.gate.set()
        await _say(connection, END)
        received, code, _ = await _listen(connection)
    assert code == 1000
    assert len(gateway.speech_passes) == 40
    assert sum(each["alignment"] is not None for each in received) == 40


KEYED = make_settings(keys={"static": ["a-key-of-the-tests"]})


@pytest.mark.parametrize(
    ("headers", "query", "field"),
    [
        ({"xi_api_key": "a-key-of-the-tests"}, "", {}),
        ({"authorization": "Bearer a-key-of-the-tests"}, "", {}),
        ({}, "?xi-api-key=a-key-of-the-tests", {}),
        ({}, "?authorization=Bearer%20a-key-of-the-tests", {}),
        ({}, "", {"xi-api-key": "a-key-of-the-tests"}),
        ({}, "", {"xi_api_key": "a-key-of-the-tests"}),
    ],
)
async def test_a_key_is_taken_wherever_it_is(
    gateway: FakeGateway, headers: dict[str, str], query: str, field: dict[str, str]
) -> None:
    async with talking(gateway, query, KEYED, **headers) as connection:
        await _say(connection, {**FIRST, **field}, {"text": "Hello."}, END)
        received, code, _ = await _listen(connection)
    assert (code, received[-1]["isFinal"]) == (1000, True)


@pytest.mark.parametrize(
    ("field", "error"), [({}, "missing_api_key"), ({"xi_api_key": "wrong"}, "invalid_api_key")]
)
async def test_without_a_right_key_nothing_is_spoken(
    gateway: FakeGateway, field: dict[str, str], error: str
) -> None:
    async with talking(gateway, "", KEYED) as connection:
        await _say(connection, {**FIRST, **field, "text": "Hello. ", "flush": True})
        received, code, _ = await _listen(connection)
    assert (code, received[0]["error"]) == (1008, error)
    assert gateway.options == []


async def test_who_shows_no_key_is_waited_for_less(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_input, "_KEY_TIMEOUT_S", 0.05)
    async with talking(gateway, "", KEYED) as connection:
        received, code, _ = await _listen(connection)
    assert (code, received[0]["error"]) == (1008, "input_timeout_exceeded")


async def test_a_connection_is_not_open_for_ever(gateway: FakeGateway) -> None:
    async with talking(gateway, "", make_settings(timeout_s=0.1)) as connection:
        await _say(connection, FIRST)
        received, code, _ = await _listen(connection)
    assert (code, received[0]["error"]) == (1008, "timeout")


async def test_foreign_pages_are_kept_out_where_no_key_is_asked_for(gateway: FakeGateway) -> None:
    async with serving(gateway) as address:
        url = f"ws://{address}{PATH}"
        with pytest.raises(Exception, match="403"):
            async with connect(url, origin="https://evil.example", proxy=None):  # type: ignore[arg-type]
                pass


async def test_the_path_has_no_answer_over_http_and_a_prefix_of_its_own(
    gateway: FakeGateway,
) -> None:
    async with serving(gateway) as address:
        async with httpx2.AsyncClient(trust_env=False) as http:
            response = await http.get(f"http://{address}{PATH}")
        assert (response.status_code, response.json()["detail"]["code"]) == (404, "not_found")
        url = f"ws://{address}/elevenlabs{PATH}"
        async with connect(url, proxy=None) as connection:
            assert connection.response is not None
            assert connection.response.headers["x-request-id"]
            await _say(connection, END)
            received, code, _ = await _listen(connection)
    assert (code, received[-1]["isFinal"]) == (1000, True)


async def test_a_catalog_without_a_voice_is_unavailable() -> None:
    async with talking(FakeGateway(Catalog())) as connection:
        await _say(connection, FIRST)
        received, code, _ = await _listen(connection)
    assert (code, received[0]["error"]) == (1013, "service_unavailable")


def test_passages_end_where_sentences_do() -> None:
    buffer = TextBuffer((50,))
    assert list(buffer.add("Good morning, Dr. Smith. How are ")) == []
    assert list(buffer.add("you doing today, e.g. at home ")) == ["Good morning, Dr. Smith."]
    assert list(buffer.flush()) == [" How are you doing today, e.g. at home "]
    assert list(buffer.flush()) == []


def test_a_passage_without_a_sentence_ends_at_a_clause_or_a_word() -> None:
    buffer = TextBuffer((50,))
    (clause,) = buffer.add("one two three, four five six seven eight nine ten eleven")
    assert clause == "one two three,"
    (words,) = TextBuffer((50,)).add("one two three four five six seven eight nine ten eleven")
    assert words == "one two three four five six seven eight nine ten "


def test_a_trigger_waits_for_fifty_characters_only() -> None:
    buffer = TextBuffer((500,))
    assert list(buffer.add("Good day. ", is_triggered=True)) == []
    assert list(buffer.add("x" * 45 + ". ")) == []
    assert list(buffer.add("And", is_triggered=True)) == ["Good day. " + "x" * 45 + "."]


def test_a_word_without_an_end_is_refused() -> None:
    with pytest.raises(RequestTooLarge):
        list(TextBuffer((50,)).add("a" * (MAX_BUFFERED + 1)))


def test_the_passages_put_together_are_the_text() -> None:
    text = "It is late. The bus, however, has not come! Who knows why? I do not. " * 20
    buffer = TextBuffer((50, 120, 290))
    passages: list[str] = []
    for k in range(0, len(text), 7):
        passages += buffer.add(text[k : k + 7])
    assert "".join([*passages, *buffer.flush()]) == text
    assert TALKER.max_characters > max(map(len, passages))
