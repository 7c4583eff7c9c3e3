"""What ElevenLabs' WebSocket refuses, whom it lets in, and how long it waits."""

import pytest
from websockets.asyncio.client import connect

from frontend.contracts.elevenlabs import stream_input
from frontend.contracts.kit.conversation import MAX_MESSAGE_BYTES
from frontend.errors import GenerationFailed, Overloaded
from frontend.triton.gateway import Catalog
from tests.conftest import make_settings
from tests.fakes import FakeGateway
from tests.frontend.contracts.elevenlabs.talking import (
    END,
    FIRST,
    PATH,
    listen,
    say,
    serving,
    talking,
)

KEYED = make_settings(keys={"static": ["a-key-of-the-tests"]})


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
        await say(connection, first)
        received, code, reason = await listen(connection)
    assert (code, reason) == (1008, error)
    (message,) = received
    assert (message["error"], message["code"]) == (error, 1008)
    assert message["message"]
    assert gateway.speech_passes == []


async def test_too_long_a_message_is_refused(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await say(connection, FIRST, {"text": "a " * (MAX_MESSAGE_BYTES // 2)})
        received, code, _ = await listen(connection)
    assert (code, received[0]["error"]) == (1009, "request_too_large")


async def test_silence_ends_the_connection(gateway: FakeGateway) -> None:
    async with talking(gateway, "?inactivity_timeout=0.05") as connection:
        await say(connection, FIRST)
        received, code, reason = await listen(connection)
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
        await say(connection, FIRST, {"text": "Hello.", "flush": True})
        received, closed, _ = await listen(connection)
    assert (closed, received[-1]["error"]) == (code, name)


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
        await say(connection, {**FIRST, **field}, {"text": "Hello."}, END)
        received, code, _ = await listen(connection)
    assert (code, received[-1]["isFinal"]) == (1000, True)


@pytest.mark.parametrize(
    ("field", "error"), [({}, "missing_api_key"), ({"xi_api_key": "wrong"}, "invalid_api_key")]
)
async def test_without_a_right_key_nothing_is_spoken(
    gateway: FakeGateway, field: dict[str, str], error: str
) -> None:
    async with talking(gateway, "", KEYED) as connection:
        await say(connection, {**FIRST, **field, "text": "Hello. ", "flush": True})
        received, code, _ = await listen(connection)
    assert (code, received[0]["error"]) == (1008, error)
    assert gateway.options == []


async def test_who_shows_no_key_is_waited_for_less(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_input, "_KEY_TIMEOUT_S", 0.05)
    async with talking(gateway, "", KEYED) as connection:
        received, code, _ = await listen(connection)
    assert (code, received[0]["error"]) == (1008, "input_timeout_exceeded")


async def test_a_connection_is_not_open_for_ever(gateway: FakeGateway) -> None:
    async with talking(gateway, "", make_settings(timeout_s=0.1)) as connection:
        await say(connection, FIRST)
        received, code, _ = await listen(connection)
    assert (code, received[0]["error"]) == (1008, "timeout")


async def test_foreign_pages_are_kept_out_where_no_key_is_asked_for(gateway: FakeGateway) -> None:
    async with serving(gateway) as address:
        url = f"ws://{address}{PATH}"
        with pytest.raises(Exception, match="403"):
            async with connect(url, origin="https://evil.example", proxy=None):  # type: ignore[arg-type]
                pass


async def test_a_catalog_without_a_voice_is_unavailable() -> None:
    async with talking(FakeGateway(Catalog())) as connection:
        await say(connection, FIRST)
        received, code, _ = await listen(connection)
    assert (code, received[0]["error"]) == (1013, "service_unavailable")
