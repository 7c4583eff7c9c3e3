"""Audio codes reach a model that follows them, or are refused in words."""

import httpx2
import pytest

from frontend.triton.gateway import Catalog
from tests.cards import CODE_CARD
from tests.fakes import FakeGateway
from tests.frontend.contracts.test_songs import inputs_of
from tritone.card import ModelCard

CODES = "<|audio_code_1|><|audio_code_63999|>" * 5


@pytest.fixture
def card() -> ModelCard:
    return CODE_CARD


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(Catalog(cards=(CODE_CARD,)))


async def test_audio_codes_reach_the_input_of_a_model_that_follows_them(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = {"input": "a waltz", "extra_params": {"audio_codes": CODES}}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-seconds"] == "2"  # nobody said a length: that of the codes
    assert "x-tritone-note" not in response.headers
    assert CODES.encode() in inputs_of(gateway)["audio_codes"]


async def test_whoever_says_a_length_gets_it_whatever_the_codes_have(
    client: httpx2.AsyncClient,
) -> None:
    body = {"input": "a waltz", "extra_params": {"audio_codes": CODES}}
    response = await client.post("/v1/audio/generate", json=body | {"audio_length": 3})
    assert response.headers["x-tritone-seconds"] == "3"


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("17 18", "character 1 is something else"),
        ("<|audio_code_64000|>", "knows the audio codes 0 to 63999, not 64000"),
        ("<|audio_code_1|>" * 3001, "at most 3000 audio codes, not 3001"),
    ],
)
async def test_bad_audio_codes_are_refused_in_words(
    codes: str, said: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = {"input": "a waltz", "extra_params": {"audio_codes": codes}}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == "extra_params.audio_codes"
    assert said in error["message"]
    assert gateway.passes == []


async def test_their_strength_is_a_fraction(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    given: dict[str, object] = {"audio_codes": CODES, "strength": 0.5}
    body = {"input": "a waltz", "extra_params": given}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.status_code == 200, response.text
    assert gateway.passes[0].controls == given
    given["strength"] = 1.5
    response = await client.post("/v1/audio/generate", json=body)
    assert response.json()["error"]["param"] == "extra_params.strength"


async def test_a_strength_of_nothing_is_left_out_and_said(client: httpx2.AsyncClient) -> None:
    body = {"input": "a waltz", "extra_params": {"strength": 0.5}}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.headers["x-tritone-note"] == "left out: strength"
