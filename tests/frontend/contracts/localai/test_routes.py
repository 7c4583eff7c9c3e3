import re

import httpx2
import pytest

from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.contracts.localai.routes import FORMAT_WORDS
from tests.fakes import FakeGateway

PATH = "/localai/v1/sound-generation"
RAIN = {"model_id": "sound-model", "text": "rain falling on a tin roof"}


async def test_the_default_is_a_wav_attachment_at_the_models_rate(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post(PATH, json=RAIN)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["x-tritone-sample-rate"] == "16000"


@pytest.mark.parametrize(
    ("word", "media_type", "extension"),
    [
        ("wav", "audio/wav", "wav"),
        ("mp3", "audio/mpeg", "mp3"),
        ("MP3", "audio/mpeg", "mp3"),
        ("flac", "audio/flac", "flac"),
        ("aac", "audio/aac", "aac"),
        ("opus", "audio/ogg", "ogg"),
        ("ogg", "audio/ogg", "ogg"),
        ("mp3_22050_32", "audio/mpeg", "mp3"),
        ("midi", "audio/wav", "wav"),
        ("", "audio/wav", "wav"),
        (None, "audio/wav", "wav"),
    ],
)
async def test_formats_are_honoured_and_unknown_ones_are_wav(
    word: str | None, media_type: str, extension: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post(PATH, json={**RAIN, "response_format": word})
    assert response.headers["content-type"] == media_type
    assert re.fullmatch(
        rf'attachment; filename="starter-\d+\.{extension}"', response.headers["content-disposition"]
    )


async def test_a_format_has_three_names_and_the_first_that_is_given_counts(
    client: httpx2.AsyncClient,
) -> None:
    names = {"response_format": "flac", "output_format": "mp3"}
    for body, media_type in ((names, "audio/flac"), ({"output_format": "mp3"}, "audio/mpeg")):
        response = await client.post(f"{PATH}?output_format=aac", json=RAIN | body)
        assert response.headers["content-type"] == media_type
    response = await client.post(f"{PATH}?output_format=mp3_22050_32", json=RAIN)
    assert response.headers["x-tritone-sample-rate"] == "22050"


def test_every_vendors_format_word_is_taken() -> None:
    assert FORMAT_WORDS.items() >= OUTPUT_FORMATS.items()


async def test_a_format_of_the_wrong_type_is_a_400(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={**RAIN, "response_format": 3})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"model_id": ""}, "model_id", id="empty-model"),
        pytest.param({"model_id": 7}, "model_id", id="model-of-a-wrong-type"),
        pytest.param({"model_id": "nonesuch"}, "model_id", id="unknown-model"),
        pytest.param({"text": None}, "text", id="no-text"),
        pytest.param({"text": " "}, "text", id="blank-text"),
        pytest.param({"text": " ", "caption": "\t"}, "text", id="blank-caption"),
        pytest.param({"text": "rain " * 600}, "text", id="text-too-long"),
        pytest.param({"duration_seconds": 0}, "duration_seconds", id="no-length"),
        pytest.param({"duration_seconds": "225"}, "duration_seconds", id="length-as-text"),
        pytest.param({"duration_seconds": 601}, "duration_seconds", id="over-the-models-limit"),
        pytest.param({"prompt_influence": -1}, "prompt_influence", id="negative-influence"),
        pytest.param({"bpm": 0}, "bpm", id="no-bpm"),
        pytest.param({"timesignature": 4}, "timesignature", id="time-as-number"),
    ],
)
async def test_a_bad_field_is_a_400_that_names_it(
    changes: dict[str, object], param: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(PATH, json={**RAIN, **changes})
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, 400)
    assert gateway.passes == []


async def test_a_missing_model_is_said_in_words(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={"text": "rain"})
    assert response.json()["error"]["message"] == "model_id: Field required"


async def test_a_caption_alone_is_text(client: httpx2.AsyncClient, gateway: FakeGateway) -> None:
    response = await client.post(PATH, json={"model_id": "starter", "caption": "A funky disco"})
    assert response.status_code == 200
    assert gateway.passes[0].prompt == "A funky disco"


async def test_musical_fields_that_the_model_does_not_take_are_words_of_the_prompt(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    music = {"bpm": 90, "keyscale": "A minor", "timesignature": "3", "caption": "waltz"}
    made = await client.post(PATH, json={"model_id": "starter", "text": "strings", **music})
    assert gateway.passes[0].prompt == "90 BPM, in A minor, 3/4 time, waltz, strings"
    assert made.headers["x-tritone-note"] == "put into words: bpm, keyscale, timesignature"


async def test_lyrics_are_left_out_and_the_header_says_so(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(PATH, json={**RAIN, "lyrics": "[Verse 1]\nDancing"})
    assert response.headers["x-tritone-note"] == "left out: lyrics"
    assert gateway.passes[0].prompt == RAIN["text"]


@pytest.mark.parametrize(("influence", "scale"), [(0.3, 5.0), (1.0, 10.0), (7.5, 10.0)])
async def test_influence_over_one_counts_as_one(
    influence: float, scale: float, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    await client.post(PATH, json={**RAIN, "prompt_influence": influence})
    assert gateway.passes[0].guidance_scale == scale


async def test_the_vendors_limit_of_thirty_seconds_is_not_ours(
    client: httpx2.AsyncClient,
) -> None:
    body = {**RAIN, "duration_seconds": 225, "response_format": "pcm_8000"}
    response = await client.post(PATH, json=body)
    assert response.headers["x-tritone-seconds"] == "225"
