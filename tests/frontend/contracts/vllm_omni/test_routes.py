import httpx2
import numpy as np
import pytest

from tests.fakes import FakeGateway
from tritone.card import ModelCard

PATH = "/v1/audio/generate"
ALL_FIELDS = {
    "input": "Thunder and rain sounds",
    "model": "stabilityai/stable-audio-open-1.0",
    "response_format": "flac",
    "speed": 1.25,
    "stream_format": "audio",
    "audio_length": 4.0,
    "audio_start": 1.5,
    "negative_prompt": "Low quality",
    "guidance_scale": 7.0,
    "num_inference_steps": 100,
    "seed": 42,
}


async def test_input_alone_gives_wav_with_the_models_defaults(
    client: httpx2.AsyncClient, gateway: FakeGateway, card: ModelCard
) -> None:
    response = await client.post(PATH, json={"input": "The sound of ocean waves"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    (made,) = gateway.passes
    assert (made.prompt, made.controls) == ("The sound of ocean waves", {})
    assert (made.steps, made.guidance_scale) == (card.default_steps, card.default_guidance_scale)
    assert (made.seconds_start, made.seconds_end) == (0.0, card.default_seconds)
    assert len(response.content) == 44 + 2 * round(card.default_seconds * card.sample_rate)


async def test_all_fields_reach_the_model(client: httpx2.AsyncClient, gateway: FakeGateway) -> None:
    response = await client.post(PATH, json=ALL_FIELDS)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/flac"
    (made,) = gateway.passes
    assert made.prompt == "Thunder and rain sounds"
    assert made.controls == {"negative_prompt": "Low quality"}
    assert (made.seconds_start, made.seconds_end) == (1.5, 5.5)
    assert (made.steps, made.guidance_scale, made.seed) == (100, 7.0, 42)


async def test_the_choices_made_are_in_the_headers(client: httpx2.AsyncClient) -> None:
    headers = (await client.post(PATH, json=ALL_FIELDS)).headers
    assert {name: headers[name] for name in headers if name.startswith("x-tritone-")} == {
        "x-tritone-model": "starter",
        "x-tritone-model-version": "1",
        "x-tritone-seed": "42",
        "x-tritone-steps": "100",
        "x-tritone-guidance-scale": "7",
        "x-tritone-sample-rate": "16000",
        "x-tritone-channels": "1",
        "x-tritone-seconds": "3.2",
    }


async def test_a_drawn_seed_is_reported_and_repeats_the_sound(
    client: httpx2.AsyncClient,
) -> None:
    first = await client.post(PATH, json={"input": "rain"})
    seed = int(first.headers["x-tritone-seed"])
    again = await client.post(PATH, json={"input": "rain", "seed": seed})
    assert again.content == first.content


@pytest.mark.parametrize(
    ("word", "media_type", "start"),
    [
        ("wav", "audio/wav", b"RIFF"),
        ("mp3", "audio/mpeg", b"ID3"),
        ("flac", "audio/flac", b"fLaC"),
        ("aac", "audio/aac", b"\xff\xf1"),
        ("opus", "audio/opus", b"OggS"),
        ("pcm", "audio/pcm", b""),
    ],
)
async def test_every_format_of_the_document(
    word: str, media_type: str, start: bytes, client: httpx2.AsyncClient
) -> None:
    response = await client.post(PATH, json={"input": "rain", "response_format": word})
    assert response.headers["content-type"] == media_type
    assert response.content.startswith(start)
    if word == "opus":
        assert response.headers["x-tritone-sample-rate"] == "48000"


async def test_pcm_is_the_bare_samples_of_wav(client: httpx2.AsyncClient) -> None:
    body = {"input": "rain", "seed": 1}
    wav = await client.post(PATH, json=body)
    pcm = await client.post(PATH, json={**body, "response_format": "pcm"})
    assert pcm.content == wav.content[44:]


@pytest.mark.parametrize("speed", [0.25, 0.5, 1, 2.0, 4.0])
async def test_speed_divides_the_length(speed: float, client: httpx2.AsyncClient) -> None:
    body = {"input": "rain", "audio_length": 2.0, "speed": speed, "response_format": "pcm"}
    response = await client.post(PATH, json=body)
    assert float(response.headers["x-tritone-seconds"]) == pytest.approx(2.0 / speed)
    assert len(np.frombuffer(response.content, "<i2")) == round(16000 * 2.0 / speed)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"num_frames": 48}, 2.0),
        ({"num_frames": 75, "frame_rate": 25.0}, 3.0),
        ({"num_frames": 75, "audio_length": 1.5}, 1.5),
    ],
)
async def test_a_length_may_be_said_in_frames_of_a_video(
    asked: dict[str, float], seconds: float, client: httpx2.AsyncClient
) -> None:
    response = await client.post(PATH, json={"input": "rain", **asked})
    assert float(response.headers["x-tritone-seconds"]) == seconds


async def test_an_extra_parameter_that_the_model_does_not_take_is_a_400(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(PATH, json={"input": "rain", "extra_params": {"bpm": 120}})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("BadRequestError", "extra_params.bpm")
    assert gateway.passes == []


@pytest.mark.parametrize("nothing", [None, ""])
async def test_nulls_empty_and_unknown_fields_are_as_if_absent(
    nothing: object, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = {**dict.fromkeys(ALL_FIELDS, nothing), "input": "rain", "foo": {"bar": [1]}}
    response = await client.post(PATH, json=body)
    assert response.status_code == 200
    assert response.headers["x-tritone-note"] == "foo ignored"
    await client.post(PATH, json={"input": "rain", "seed": gateway.passes[0].seed})
    assert gateway.passes[0] == gateway.passes[1]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("input", "123", "string_type"),
        ("input", '"  \\n "', "string_too_short"),
        ("response_format", '"ogg"', "literal_error"),
        ("stream_format", '"sse"', "literal_error"),
        ("speed", "0.1", "greater_than_equal"),
        ("speed", "5", "less_than_equal"),
        ("num_inference_steps", "0", "greater_than_equal"),
        ("num_inference_steps", "6000", "less_than_equal"),
        ("num_inference_steps", "10.5", "int_type"),
        ("guidance_scale", "-1", "greater_than_equal"),
        ("guidance_scale", "1001", "less_than_equal"),
        ("audio_length", "0", "greater_than"),
        ("audio_length", "86401", "less_than_equal"),
        ("audio_start", "-0.5", "greater_than_equal"),
        ("seed", "9223372036854775808", "less_than_equal"),
        ("seed", "-9223372036854775809", "greater_than_equal"),
        ("seed", "9" * 400, "less_than_equal"),
    ],
)
async def test_what_the_schema_refuses_is_a_422_that_names_the_field(
    field: str, value: str, kind: str, client: httpx2.AsyncClient
) -> None:
    rest = "" if field == "input" else '"input": "rain", '
    response = await client.post(
        PATH,
        content=f'{{{rest}"{field}": {value}}}',
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert set(fault) == {"loc", "msg", "type"}
    assert (fault["loc"], fault["type"]) == (["body", field], kind)


async def test_words_that_json_does_not_have_are_a_422(client: httpx2.AsyncClient) -> None:
    response = await client.post(
        PATH,
        content='{"input": "rain", "speed": NaN}',
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 422
    assert "NaN" in response.json()["detail"][0]["msg"]


async def test_an_unknown_format_is_told_in_the_documents_words(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post(PATH, json={"input": "rain", "response_format": "midi"})
    (fault,) = response.json()["detail"]
    assert fault["type"] == "literal_error"
    assert fault["msg"] == "Input should be 'wav', 'pcm', 'flac', 'mp3', 'aac' or 'opus'"


async def test_an_unknown_model_is_the_documents_404(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={"input": "rain", "model": "xxx"})
    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "message": "The model `xxx` does not exist.",
            "type": "NotFoundError",
            "param": "model",
            "code": 404,
        }
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"audio_start": 10.0}, "audio_start", id="start-at-the-end"),
        pytest.param({"audio_start": 9.999999}, "audio_start", id="no-room-for-a-sample"),
        pytest.param({"audio_length": 1e-9}, "audio_length", id="shorter-than-a-sample"),
        pytest.param({"audio_start": 6.0, "audio_length": 5.0}, "audio_length", id="over-the-end"),
        pytest.param({"audio_length": 601.0}, "audio_length", id="over-the-longest-extension"),
    ],
)
async def test_what_the_model_cannot_make_is_a_400_that_names_the_field(
    body: dict[str, float], param: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(PATH, json={"input": "rain", **body})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("BadRequestError", param, 400)
    assert gateway.passes == []


async def test_a_prompt_over_the_limit_is_a_422(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={"input": "rain " * 600})
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", "input"], "string_too_long")


async def test_a_sound_past_the_window_of_an_extendable_model_is_made(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post(PATH, json={"input": "rain", "audio_length": 15.0})
    assert response.headers["x-tritone-seconds"] == "15"
    assert response.headers["x-tritone-note"] == "extended"
