from dataclasses import replace

import httpx2
import pytest

from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.triton.gateway import Catalog
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway
from tritone.card import ModelCard

PATH = "/v1/sound-generation"
ALWAYS = "/elevenlabs/v1/sound-generation"
SDK = {
    "x-fern-sdk-name": "elevenlabs",
    "x-fern-language": "Python",
    "user-agent": "elevenlabs/2.78.0",
}


async def test_text_alone_gives_mp3_with_the_models_defaults(
    client: httpx2.AsyncClient, gateway: FakeGateway, card: ModelCard
) -> None:
    response = await client.post(PATH, json={"text": "rain"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["x-tritone-sample-rate"] == "44100"
    (made,) = gateway.passes
    assert (made.prompt, made.seconds_end) == ("rain", card.default_seconds)
    assert made.guidance_scale == card.default_guidance_scale


async def test_the_official_clients_call_with_every_argument(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(
        f"{PATH}?output_format=pcm_44100&enable_logging=false",
        headers=SDK,
        json={
            "text": "rain",
            "loop": True,
            "duration_seconds": 2.0,
            "prompt_influence": 1.0,
            "model_id": "eleven_text_to_sound_v2",
        },
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/pcm"
    assert len(response.content) == 2 * 44100 * 2
    (made,) = gateway.passes
    assert made.guidance_scale == 10.0
    assert made.seconds_end == 2.5  # a loop fades its last half second into its first


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_and_empty_are_as_if_absent(
    nothing: object, client: httpx2.AsyncClient, gateway: FakeGateway, card: ModelCard
) -> None:
    fields = ["loop", "duration_seconds", "prompt_influence", "model_id", "bpm"]
    body = {"text": "rain", **dict.fromkeys(fields, nothing)}
    response = await client.post(f"{PATH}?output_format=", headers=SDK, json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/mpeg"
    assert gateway.passes[0].seconds_end == card.default_seconds


@pytest.mark.parametrize("word", OUTPUT_FORMATS)
async def test_every_output_format(word: str, client: httpx2.AsyncClient) -> None:
    response = await client.post(
        f"{PATH}?output_format={word}", json={"text": "rain", "duration_seconds": 1.0}
    )
    assert response.status_code == 200
    codec, rate, *kilobits = word.split("_")
    assert response.headers["x-tritone-sample-rate"] == rate
    n_bytes = len(response.content)
    expected = {
        "pcm": 2 * int(rate),
        "wav": 2 * int(rate) + 44,
        "ulaw": 8000,
        "alaw": 8000,
    }.get(codec)
    if expected is not None:
        assert n_bytes == expected
    if codec == "mp3":
        assert n_bytes == pytest.approx(int(kilobits[0]) * 125, rel=0.2)
    media_types = {
        "mp3": "audio/mpeg",
        "pcm": "audio/pcm",
        "wav": "audio/wav",
        "ulaw": "audio/basic",
        "alaw": "audio/x-alaw-basic",
        "opus": "audio/ogg",
    }
    assert response.headers["content-type"] == media_types[codec]


def test_the_formats_are_the_21_of_every_client_and_7_wav() -> None:
    assert len(OUTPUT_FORMATS) == 28
    assert sum(word.startswith("wav_") for word in OUTPUT_FORMATS) == 7


@pytest.mark.parametrize("word", ["MP3_44100_128", "mp3_48000_128", "auto"])
async def test_any_other_output_format_is_a_422(word: str, client: httpx2.AsyncClient) -> None:
    response = await client.post(f"{PATH}?output_format={word}", json={"text": "rain"})
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["query", "output_format"], "enum")
    assert "mp3_44100_128" in fault["msg"]


async def test_a_query_of_the_wrong_type_is_a_422(client: httpx2.AsyncClient) -> None:
    response = await client.post(f"{PATH}?enable_logging=perhaps", json={"text": "rain"})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "enable_logging"]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("text", 5, "string_type"),
        ("text", "  \n", "string_too_short"),
        ("loop", "yes", "bool_type"),
        ("duration_seconds", 0, "greater_than"),
        ("duration_seconds", 0.4, "greater_than_equal"),
        ("duration_seconds", 30.5, "less_than_equal"),
        ("duration_seconds", "5", "float_type"),
        ("prompt_influence", -0.1, "greater_than_equal"),
        ("prompt_influence", 1.1, "less_than_equal"),
        ("bpm", 1.5, "int_type"),
    ],
)
async def test_a_bad_field_is_a_422_that_names_it(
    field: str, value: object, kind: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(ALWAYS, json={"text": "rain", field: value})
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert set(fault) == {"loc", "msg", "type"}
    assert (fault["loc"], fault["type"]) == (["body", field], kind)
    assert gateway.passes == []


async def test_missing_text_is_missing(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={})
    assert response.json() == {
        "detail": [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}]
    }


@pytest.mark.parametrize("seconds", [0.5, 22, 30])
@pytest.mark.parametrize("model", [None, "eleven_text_to_sound_v2", "eleven_text_to_sound_v9"])
async def test_the_vendors_models_make_half_a_second_to_thirty(
    model: str | None, seconds: float, client: httpx2.AsyncClient
) -> None:
    body = {"text": "rain", "duration_seconds": seconds, "model_id": model}
    response = await client.post(PATH, json=body)
    assert response.status_code == 200
    assert float(response.headers["x-tritone-seconds"]) == seconds
    assert response.headers["x-tritone-model"] == "starter"


@pytest.mark.parametrize("seconds", [0.1, 45.0, 225])
async def test_a_local_model_has_its_own_limits_also_through_the_official_client(
    seconds: float, client: httpx2.AsyncClient
) -> None:
    body = {"text": "rain", "duration_seconds": seconds, "model_id": "starter"}
    response = await client.post(f"{PATH}?output_format=pcm_8000", headers=SDK, json=body)
    assert response.status_code == 200
    assert float(response.headers["x-tritone-seconds"]) == seconds


async def test_what_the_model_cannot_make_is_a_422_in_the_contracts_words(
    client: httpx2.AsyncClient,
) -> None:
    body = {"text": "rain", "duration_seconds": 900, "model_id": "starter"}
    response = await client.post(PATH, headers=SDK, json=body)
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", "duration_seconds"], "less_than_equal")


async def test_an_unknown_model_is_a_400_object(client: httpx2.AsyncClient) -> None:
    response = await client.post(ALWAYS, json={"text": "rain", "model_id": "nonesuch"})
    assert response.status_code == 400
    detail = response.json()["detail"]
    assert detail["code"] == detail["status"] == "unsupported_model"
    assert (detail["type"], detail["param"]) == ("validation_error", "model_id")
    assert detail["request_id"] == response.headers["request-id"]


async def test_a_text_over_the_limit_is_a_400_object(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={"text": "rain " * 600})
    assert response.status_code == 400
    detail = response.json()["detail"]
    assert (detail["code"], detail["param"]) == ("text_too_long", "text")


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({"text": "rain"}, "200"),
        ({"text": "rain", "duration_seconds": None}, "200"),
        ({"text": "rain", "duration_seconds": 2.5}, "100"),
        ({"text": "rain", "duration_seconds": 0.51}, "20"),
    ],
)
async def test_the_cost_is_by_the_second_or_by_the_sound(
    body: dict[str, object], cost: str, client: httpx2.AsyncClient
) -> None:
    assert (await client.post(PATH, json=body)).headers["character-cost"] == cost


async def test_the_request_id_has_twenty_alphanumerics_and_browsers_may_read_it(
    client: httpx2.AsyncClient,
) -> None:
    for request_id in ({}, {"x-request-id": "a:b-1"}):
        response = await client.post(PATH, json={"text": "rain"}, headers=request_id)
        own = response.headers["request-id"]
        assert len(own) == 20
        assert own.isalnum()
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert {"request-id", "character-cost", "x-tritone-seed"} <= set(exposed)
        assert set(exposed) >= {each for each in response.headers if each.startswith("x-tritone-")}


async def test_an_alias_wins_over_the_rule_for_the_vendors_models(
    client_of: ClientFactory, gateway: FakeGateway, card: ModelCard
) -> None:
    other = replace(card, name="another")  # the default: the first by name
    gateway.catalog = Catalog(cards=(other, card))
    settings = make_settings(aliases={"eleven_text_to_sound_v9": "starter"})
    async with client_of(gateway, settings) as client:
        response = await client.post(
            PATH, json={"text": "rain", "model_id": "eleven_text_to_sound_v9"}
        )
    assert response.headers["x-tritone-model"] == card.name
