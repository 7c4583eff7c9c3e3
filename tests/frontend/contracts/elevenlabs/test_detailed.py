import io
import json
from email import message_from_bytes
from typing import Any

import av
import httpx2
import pytest

from tests.frontend.contracts.elevenlabs.test_plan import PLAN

WALTZ: dict[str, Any] = {"prompt": "a slow waltz, no drums", "music_length_ms": 3000}


def taken_apart(response: httpx2.Response) -> tuple[dict[str, Any], bytes, str | None]:
    """Return JSON, audio and file name, as a MIME parser sees them."""
    assert response.status_code == 200, response.text
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    parts: Any = message_from_bytes(head + response.content).get_payload()
    told, audio = parts
    assert told.get_content_type() == "application/json"
    return json.loads(told.get_payload()), audio.get_payload(decode=True), audio.get_filename()


async def test_the_answer_has_the_plan_and_the_audio(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/music/detailed", json=WALTZ)
    told, _, name = taken_apart(response)
    assert told["composition_plan"]["negative_global_styles"] == ["drums"]
    assert told["song_metadata"]["description"] == WALTZ["prompt"]
    assert told["song_metadata"]["is_explicit"] is None
    assert set(told) == {"composition_plan", "song_metadata"}
    assert name == "music.mp3"
    assert len(response.headers["song-id"]) == 20
    audio = response.content.split(b"\r\n\r\n", 2)[2]
    with av.open(io.BytesIO(audio), "r") as container:
        stream = container.streams.audio[0]
        n_samples = sum(frame.samples for frame in container.decode(stream))
    assert n_samples / stream.rate == pytest.approx(3.0, abs=0.1)


async def test_what_is_asked_for_is_told(client: httpx2.AsyncClient) -> None:
    body = WALTZ | {"with_timestamps": True, "with_waveform_visual": True}
    told, _, _ = taken_apart(await client.post("/v1/music/detailed", json=body))
    assert told["words_timestamps"] == []
    assert len(told["waveform_visual"]) == 4 * 3
    assert 300 < max(map(abs, told["waveform_visual"])) <= 1000  # a tone at half of full scale


async def test_a_plan_comes_back_as_it_was(client: httpx2.AsyncClient) -> None:
    body = {"composition_plan": PLAN}
    query = "?output_format=pcm_16000"
    told, audio, name = taken_apart(await client.post(f"/v1/music/detailed{query}", json=body))
    section = told["composition_plan"]["sections"][0]
    assert section.pop("source_from") is None
    assert told["composition_plan"] == PLAN
    assert (len(audio), name) == (3 * 16_000 * 2, "music.pcm")


async def test_a_bad_field_is_a_422(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/music/detailed", json={})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "prompt"]
