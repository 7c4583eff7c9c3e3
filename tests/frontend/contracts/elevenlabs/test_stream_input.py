"""ElevenLabs' WebSocket, over a real connection: text comes in pieces, audio goes out in order."""

import asyncio
import base64

import httpx2
from websockets.asyncio.client import connect

from tests.fakes import FakeGateway
from tests.frontend.contracts.elevenlabs.talking import (
    END,
    FIRST,
    PATH,
    PATIENCE_S,
    join_audio,
    listen,
    receive,
    say,
    serving,
    talking,
)


async def test_text_in_pieces_is_spoken_and_the_end_is_said(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await say(connection, FIRST, {"text": "Hello "}, {"text": "there. "}, END)
        received, code, _ = await listen(connection)
    assert code == 1000
    (spoken,) = gateway.speech_passes
    assert (spoken.text, spoken.voice) == (" Hello there. ", "anna")
    assert received[-1] == {
        "audio": None,
        "isFinal": True,
        "alignment": None,
        "normalizedAlignment": None,
    }
    assert len(join_audio(received)) == 2 * 24_000 * len(" Hello there") // 20
    alignment = received[0]["alignment"]
    assert "".join(alignment["chars"]) == " Hello there"
    assert alignment["charStartTimesMs"][:2] == [0, 50]
    assert set(alignment["charDurationsMs"]) == {50}


async def test_a_flush_is_spoken_before_more_text_comes(gateway: FakeGateway) -> None:
    async with talking(gateway) as connection:
        await say(connection, FIRST, {"text": "One. "}, {"text": " ", "flush": True})
        first = await receive(connection)
        await say(connection, {"text": "Two. ", "flush": True})
        second = await receive(connection)
        await say(connection, END)
        _, code, _ = await listen(connection)
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
        await say(connection, {**FIRST, **config}, *[{"text": sentence}] * 3)
        assert base64.b64decode((await receive(connection))["audio"])
        await say(connection, END)
        await listen(connection)
    assert [each.text.strip() for each in gateway.speech_passes] == [
        f"{sentence}{sentence}".strip(),
        sentence.strip(),
    ]


async def test_auto_mode_speaks_every_message(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, {"text": "👍 "}, END)
        _, code, _ = await listen(connection)
    assert code == 1000
    assert [each.text for each in gateway.speech_passes] == ["One. ", "Two. "]


async def test_the_audio_is_one_file(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=opus_48000_64") as connection:
        await say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, END)
        received, _, _ = await listen(connection)
    assert join_audio(received).startswith(b"OggS")
    assert join_audio(received).count(b"OpusHead") == 1


async def test_how_to_speak_is_said_first(gateway: FakeGateway) -> None:
    query = "?seed=7&language_code=en&apply_text_normalization=off&model_id=eleven_flash_v2_5"
    async with talking(gateway, query) as connection:
        await say(connection, {"text": "Hello.", "voice_settings": {"speed": 1.5}}, END)
        _, code, _ = await listen(connection)
    (spoken,) = gateway.speech_passes
    assert (code, spoken.seed, spoken.speed, spoken.options.normalizes) == (1000, 7, 1.5, False)


async def test_without_a_seed_all_passages_have_the_same(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await say(connection, FIRST, {"text": "One. "}, {"text": "Two. "}, END)
        await listen(connection)
    assert len({each.seed for each in gateway.speech_passes}) == 1


async def test_a_passage_that_cannot_be_read_is_left_out(gateway: FakeGateway) -> None:
    async with talking(gateway, "?auto_mode=true&output_format=pcm_8000") as connection:
        await say(connection, FIRST, {"text": "One. "}, {"text": "мир. "}, {"text": "Two. "}, END)
        _, code, _ = await listen(connection)
    assert code == 1000
    assert [each.text for each in gateway.speech_passes] == ["One. ", "Two. "]


async def test_a_conversation_that_cannot_be_read_is_an_error(gateway: FakeGateway) -> None:
    async with talking(gateway, "?output_format=pcm_8000") as connection:
        await say(connection, FIRST, {"text": "мир. "}, END)
        received, code, _ = await listen(connection)
    assert (code, received[-1]["error"]) == (1008, "invalid_parameters")
    assert "Cyrillic" in received[-1]["message"]


async def test_the_work_stops_when_the_client_goes(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    async with talking(gateway) as connection:
        await say(connection, FIRST, {"text": "Hello.", "flush": True})
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
        await say(connection, FIRST, *[line] * 40)
        while not gateway.options:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.001)
        gateway.gate.set()
        await say(connection, END)
        received, code, _ = await listen(connection)
    assert code == 1000
    assert len(gateway.speech_passes) == 40
    assert sum(each["alignment"] is not None for each in received) == 40


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
            await say(connection, END)
            received, code, _ = await listen(connection)
    assert (code, received[-1]["isFinal"]) == (1000, True)
