"""What people ask of songs reaches a model that sings, through contracts that have words for it."""

import json
from typing import Any

import httpx2
import pytest

from frontend.triton.gateway import Catalog, PassOptions
from frontend.triton.pass_tensors import make_infer_request
from tests.cards import SONG_CARD
from tests.fakes import FakeGateway
from tests.frontend.contracts.test_source_examples import JSON, LOCALAI
from tritone import tensors
from tritone.card import ModelCard
from tritone.controls import complete
from tritone.families.ace_step import describe, sing


@pytest.fixture
def card() -> ModelCard:
    return SONG_CARD


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(Catalog(cards=(SONG_CARD,)))


def inputs_of(gateway: FakeGateway) -> dict[str, Any]:
    """Return what Triton gets of the only pass, by the names of its inputs."""
    (made,) = gateway.passes
    sent = make_infer_request(
        made.card.name, made, PassOptions(pass_id="p", request_id="r", timeout_s=1)
    )
    return {each.name(): each._get_content() or each._get_tensor() for each in sent.inputs}


async def test_every_field_of_localais_disco_example_reaches_its_input(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    asked = json.loads(LOCALAI["advanced"])
    response = await client.post(
        "/v1/sound-generation", content=LOCALAI["advanced"], headers=JSON, timeout=60
    )
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-seconds"] == "225"
    assert response.headers["x-tritone-note"] == "think ignored: the model does not plan"
    (made,) = gateway.passes
    assert made.prompt == f"{asked['caption']}, {asked['text']}"
    assert made.controls == {
        "lyrics": asked["lyrics"],
        "vocal_language": asked["language"],
        "bpm": asked["bpm"],
        "keyscale": asked["keyscale"],
        "timesignature": asked["timesignature"],
    }
    assert inputs_of(gateway).keys() == {spec.name for spec in tensors.ensemble(SONG_CARD).inputs}
    values = {**complete(made.controls), tensors.PROMPT: made.prompt, tensors.SECONDS_END: 225.0}
    text, lyrics = describe(values), sing(values)
    for said in ("bpm: 120", "keyscale: Ab major", "timesignature: 4", "225 seconds"):
        assert said in text.after
    assert "\nja\n" in lyrics.before
    assert lyrics.text == asked["lyrics"]


async def test_a_composition_plan_becomes_sections_with_lyrics(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    section = {"negative_local_styles": [], "duration_ms": 3000}
    plan = {
        "positive_global_styles": ["waltz"],
        "negative_global_styles": ["drums"],
        "sections": [
            {**section, "section_name": "Intro", "positive_local_styles": [], "lines": []},
            {
                **{**section, "section_name": "Verse", "positive_local_styles": ["soft"]},
                "lines": ["Rain on the roof", " ", "Ring, bell"],
            },
        ],
    }
    response = await client.post("/v1/music", json={"composition_plan": plan})
    assert response.status_code == 200, response.text
    (made,) = gateway.passes
    assert made.prompt == "waltz, soft"
    assert made.controls == {"lyrics": "[Intro]\n\n[Verse - soft]\nRain on the roof\nRing, bell"}
    notes = response.headers["x-tritone-note"].split("; ")
    assert notes == ["sections made as one", "left out: negative_prompt"]


async def test_music_without_vocals_is_asked_for_natively(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    await client.post("/v1/music", json={"prompt": "a waltz", "force_instrumental": True})
    assert gateway.passes[0].controls == {"instrumental": True}


async def test_extra_parameters_of_vllm_omni_are_the_models_controls(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = {"input": "a waltz", "audio_length": 2, "extra_params": {"bpm": 96, "lyrics": "la"}}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.status_code == 200, response.text
    assert gateway.passes[0].controls == {"bpm": 96, "lyrics": "la"}


async def test_a_tempo_that_the_model_does_not_take_is_refused_in_the_contracts_words(
    client: httpx2.AsyncClient,
) -> None:
    body = {"model_id": "song", "text": "a waltz", "bpm": 900}
    response = await client.post("/v1/sound-generation", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "bpm"


async def test_a_model_without_codes_does_not_take_them(client: httpx2.AsyncClient) -> None:
    body = {"input": "a waltz", "extra_params": {"audio_codes": "<|audio_code_1|>"}}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "extra_params.audio_codes"
