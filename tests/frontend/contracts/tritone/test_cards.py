from dataclasses import replace

import httpx2

from frontend.triton.gateway import Catalog
from tests.cards import OPEN_CARD, STARTER_LIKE, TALKER
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway


async def test_a_card_says_what_may_be_asked_for(client_of: ClientFactory) -> None:
    card = replace(STARTER_LIKE, prompts=("rain", "a bell"))
    gateway = FakeGateway(Catalog(cards=(OPEN_CARD, card), speech_cards=(TALKER,)))
    settings = make_settings(default_model="starter", max_seconds=30.0)
    async with client_of(gateway, settings) as client:
        answer = (await client.get("/cards")).json()
    starter, whole, talker = answer["cards"]
    assert (starter["name"], whole["name"]) == ("starter", OPEN_CARD.name)  # the default one first
    assert starter["prompts"] == ["rain", "a bell"]
    assert starter["max_seconds"] == 30.0  # it may be extended
    assert whole["max_seconds"] == OPEN_CARD.window_seconds
    assert [voice["id"] for voice in talker["voices"]] == ["anna", "marie"]
    assert answer["has_jobs"] is False


async def test_the_bundled_model_comes_first_and_no_model_is_no_mistake(
    client_of: ClientFactory,
) -> None:
    another = replace(STARTER_LIKE, name="aaa")
    for cards, names in (((another, STARTER_LIKE), ["starter", "aaa"]), ((), [])):
        async with client_of(FakeGateway(Catalog(cards=cards)), make_settings()) as client:
            answer = (await client.get("/cards")).json()
        assert [card["name"] for card in answer["cards"]] == names


async def test_every_length_that_a_card_offers_is_made(client: httpx2.AsyncClient) -> None:
    for card in (await client.get("/cards")).json()["cards"]:
        if card["task"] == "sound":
            body = {"input": "rain", "audio_length": card["max_seconds"]}
            assert (await client.post("/v1/audio/generate", json=body)).status_code == 200
            body["audio_length"] += 1
            assert (await client.post("/v1/audio/generate", json=body)).status_code == 400


async def test_cards_are_shown_to_who_has_a_key(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    async with client_of(gateway, make_settings(keys={"static": ["k" * 16]})) as client:
        assert (await client.get("/cards")).status_code == 401
        assert (await client.get("/cards", headers={"x-api-key": "k" * 16})).status_code == 200
