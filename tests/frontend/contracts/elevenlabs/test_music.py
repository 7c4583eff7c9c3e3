import httpx2
import pytest

from tests.fakes import FakeGateway

RAIN = {"prompt": "a slow waltz", "music_length_ms": 3000}


@pytest.mark.parametrize("path", ["/v1/music", "/v1/music/stream", "/elevenlabs/v1/music"])
async def test_text_becomes_music(
    path: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(path, json=RAIN | {"seed": 7, "force_instrumental": True})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/mpeg"
    assert (response.headers["x-tritone-seconds"], response.headers["x-tritone-seed"]) == ("3", "7")
    assert response.headers["x-tritone-sample-rate"] == "44100"
    for name in ("song-id", "request-id"):
        assert len(response.headers[name]) == 20
    assert ("content-length" in response.headers) == ("stream" not in path)
    assert gateway.passes[0].prompt == "a slow waltz"


@pytest.mark.parametrize(
    ("word", "model", "rate"),
    [
        ("auto", None, "44100"),
        ("auto", "music_v1", "44100"),
        ("auto", "music_v2_5", "48000"),
        ("mp3_48000_240", None, "48000"),
        ("mp3_48000_320", None, "48000"),
        ("opus_48000_96", None, "48000"),
        ("pcm_24000", None, "24000"),
    ],
)
async def test_every_kind_of_output_format(
    word: str, model: str | None, rate: str, client: httpx2.AsyncClient
) -> None:
    body = RAIN | {"model_id": model}
    response = await client.post(f"/v1/music?output_format={word}", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-sample-rate"] == rate
    if word == "mp3_48000_320":  # 240 is an average: a pure tone needs less
        kilobits = int(word.rpartition("_")[2])
        assert len(response.content) == pytest.approx(3 * kilobits * 125, rel=0.25)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "a", "music_length_ms": 2999}, "music_length_ms"),
        ({"prompt": "a", "music_length_ms": 600_001}, "music_length_ms"),
        ({"prompt": "a", "music_length_ms": 3000.5}, "music_length_ms"),
        ({"prompt": "a", "seed": -1}, "seed"),
    ],
)
async def test_a_bad_field_is_a_422_that_names_it(
    body: dict[str, object], field: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post("/v1/music", json=body)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize("query", ["output_format=wav_44100", "output_format=mp3"])
async def test_formats_of_sound_effects_only_are_refused(
    query: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post(f"/v1/music?{query}", json=RAIN)
    assert response.json()["detail"][0]["loc"] == ["query", "output_format"]


@pytest.mark.parametrize("model", ["eleven_multilingual_v2", "nonesuch"])
async def test_a_model_that_is_not_musics_is_a_400(model: str, client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/music", json=RAIN | {"model_id": model})
    assert response.status_code == 400
    assert response.json()["detail"]["code"] == "unsupported_model"
