import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from frontend.settings import TritonSettings
from frontend.triton import component_health
from frontend.triton.single import SingleTriton
from tests.fake_triton import FakeTriton
from tritone.card import ModelCard

DENOISER = "starter_denoiser"


@pytest.fixture
async def triton(card: ModelCard) -> AsyncIterator[FakeTriton]:
    triton = FakeTriton()
    triton.serve(card)
    triton.index.append((DENOISER, "1", "READY"))
    triton.configs[DENOISER] = service_pb2.ModelConfigResponse()
    triton.configs[DENOISER].config.name = DENOISER
    return triton


@pytest.fixture
async def gateway(triton: FakeTriton) -> AsyncIterator[SingleTriton]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    gateway = SingleTriton(TritonSettings(url=f"127.0.0.1:{port}", refresh_s=0.05))
    await gateway.open()
    yield gateway
    await gateway.close()
    await server.stop(grace=None)


async def eventually(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110  (what changes knows nothing of events)
            await asyncio.sleep(0.01)


def names(gateway: SingleTriton) -> list[str]:
    return [card.name for card in gateway.catalog.cards]


async def test_a_model_whose_component_is_dead_is_away_until_it_answers_again(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    assert names(gateway) == ["starter"]
    triton.probe_error = "Stub process 'starter_denoiser_0_0' is not healthy."
    await eventually(lambda: gateway.catalog.away == {"starter"})
    assert names(gateway) == []
    reason = gateway.catalog.reasons["starter"]
    assert reason == "starter_denoiser: its backend process is dead"
    assert [card.name for card in gateway.catalog.missed] == ["starter"]
    triton.probe_error = None
    await eventually(lambda: names(gateway) == ["starter"])
    assert gateway.catalog.reasons == {}


async def test_a_look_at_a_component_that_answers_is_one_call(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    n_before = triton.n_probes
    await eventually(lambda: triton.n_probes > n_before + 5)
    assert triton.asked_configs.count(DENOISER) == 1
    assert triton.n_counts == 0


async def test_its_configuration_is_read_anew_after_an_error(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    triton.probe_error = "unexpected shape for input"
    await eventually(lambda: triton.asked_configs.count(DENOISER) > 3)
    triton.probe_error = None


async def test_an_error_is_an_answer_too(triton: FakeTriton, gateway: SingleTriton) -> None:
    n_before = triton.n_probes
    triton.probe_error = "inference request shape is wrong"
    await eventually(lambda: triton.n_probes > n_before + 2)
    assert names(gateway) == ["starter"]


async def test_a_component_that_hangs_is_away_and_one_that_works_is_not(
    triton: FakeTriton, gateway: SingleTriton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(component_health, "_SILENCE_S", 0.3)

    async def work() -> None:
        while True:
            triton.n_executions += 1
            await asyncio.sleep(0.01)

    working = asyncio.create_task(work())
    triton.is_hung = True
    n_before = triton.n_probes
    await eventually(lambda: triton.n_probes > n_before + 2)  # two in vain
    assert names(gateway) == ["starter"]
    working.cancel()
    await eventually(lambda: gateway.catalog.away == {"starter"})
    assert "does not answer" in gateway.catalog.reasons["starter"]
