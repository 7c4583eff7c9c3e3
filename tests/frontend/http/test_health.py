import asyncio
from dataclasses import replace

import httpx2
import pytest

from frontend.errors import BackendUnavailable
from frontend.http.health import Readiness
from frontend.triton.gateway import Catalog
from tests.cards import TALKER
from tests.conftest import ClientFactory
from tests.fakes import FakeGateway
from tritone.card import ModelCard


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_process_lives_also_without_triton(
    gateway: FakeGateway, client: httpx2.AsyncClient
) -> None:
    gateway.unreachable = BackendUnavailable("away")
    answer = await client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_a_served_model_makes_it_ready(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "models": ["starter", "talker"]}


async def test_without_triton_it_is_not_ready(
    gateway: FakeGateway, client: httpx2.AsyncClient
) -> None:
    gateway.unreachable = BackendUnavailable("away")
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "Triton cannot be reached"}


async def test_without_a_model_it_is_not_ready(client_of: ClientFactory) -> None:
    async with client_of(FakeGateway(Catalog())) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "Triton serves no model"


async def test_a_voice_does_not_stand_in_for_a_model_of_sounds(
    client_of: ClientFactory, card: ModelCard
) -> None:
    broken = Catalog(
        speech_cards=(TALKER,),
        away=frozenset({card.name}),
        missed=(card,),
        reasons={card.name: "starter_vae_decoder: its backend process is dead"},
    )
    async with client_of(FakeGateway(broken)) as client:
        answer = await client.get("/readyz?verbose")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "reason": f"nothing serves in the place of {card.name}",
        "models": [TALKER.name],
        "away": {card.name: "starter_vae_decoder: its backend process is dead"},
        "tritons_left_out": {},
        "sounds_stopped": {},
        "all_sounds_stopped": {},
    }


async def test_a_broken_model_beside_a_good_one_of_its_kind_is_named_only(
    client_of: ClientFactory, card: ModelCard
) -> None:
    catalog = Catalog(cards=(card,), reasons={"bad": "bad_text_encoder is missing"})
    async with client_of(FakeGateway(catalog)) as client:
        answer = await client.get("/readyz?verbose")
    assert answer.status_code == 200
    assert answer.json()["away"] == {"bad": "bad_text_encoder is missing"}


async def test_tritons_that_get_no_passes_are_named(
    client_of: ClientFactory, card: ModelCard
) -> None:
    catalog = Catalog(cards=(card,), left_out={"b:8001": "does not answer"})
    async with client_of(FakeGateway(catalog)) as client:
        assert "tritons_left_out" not in (await client.get("/readyz")).json()
        answer = await client.get("/readyz?verbose")
    assert answer.status_code == 200
    assert answer.json()["tritons_left_out"] == {"b:8001": "does not answer"}


async def test_a_model_of_sounds_that_never_loaded_is_missed_all_the_same(
    client_of: ClientFactory,
) -> None:
    catalog = Catalog(speech_cards=(TALKER,), reasons={"bad": "bad_vae_decoder: no network"})
    async with client_of(FakeGateway(catalog)) as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_a_model_whose_sounds_have_stopped_is_not_ready(
    client_of: ClientFactory, card: ModelCard
) -> None:
    silent = Catalog(cards=(card,), stopped={card.name: "3 passes in a row failed"})
    async with client_of(FakeGateway(silent)) as client:
        answer = await client.get("/readyz?verbose")
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == 503
    body = answer.json()
    assert body["reason"] == f"nothing serves in the place of {card.name}"
    assert body["models"] == [card.name]  # passes are given to it all the same
    assert body["sounds_stopped"] == {card.name: "3 passes in a row failed"}
    assert body["all_sounds_stopped"] == body["sounds_stopped"]
    assert f'tritone_model_ready{{model="{card.name}"}} 0.0' in metrics


async def test_one_that_still_makes_sounds_stands_in_for_another(
    client_of: ClientFactory, card: ModelCard
) -> None:
    other = replace(card, name="other")
    catalog = Catalog(cards=(other, card), stopped={card.name: "3 passes in a row failed"})
    async with client_of(FakeGateway(catalog)) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_a_stop_is_told_apart_from_another_cause_of_not_being_ready(
    client_of: ClientFactory, card: ModelCard
) -> None:
    other = replace(TALKER, name="other")
    catalog = Catalog(
        speech_cards=(TALKER, other), missed=(card,), stopped={other.name: "3 passes failed"}
    )
    async with client_of(FakeGateway(catalog)) as client:
        answer = await client.get("/readyz?verbose")
    assert answer.status_code == 503
    assert list(answer.json()["sounds_stopped"]) == [other.name]
    assert answer.json()["all_sounds_stopped"] == {}


async def test_triton_is_asked_once_a_second(gateway: FakeGateway) -> None:
    clock = Clock()
    readiness = Readiness(gateway, clock)
    await asyncio.gather(*(readiness.state() for _ in range(5)))
    assert gateway.refreshes == 1
    clock.now = 1.0
    gateway.unreachable = BackendUnavailable("away")
    assert (await readiness.state()).reason is not None
    assert gateway.refreshes == 2


@pytest.mark.parametrize(
    "name",
    [
        "tritone_passes_in_flight 0.0",
        "tritone_passes_waiting 0.0",
        "tritone_passes_queue_age_seconds 0.0",
        "tritone_triton_up 1.0",
        'tritone_model_ready{model="starter"} 1.0',
        'tritone_build_info{python="',
        'tritone_http_requests_total{contract="none",model="",status="200",version=""} 1.0',
        'tritone_http_request_duration_seconds_count{contract="none"} 1.0',
        "process_resident_memory_bytes",
    ],
)
async def test_metrics_are_in_prometheus_format(client: httpx2.AsyncClient, name: str) -> None:
    await client.get("/livez")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert name in answer.text
