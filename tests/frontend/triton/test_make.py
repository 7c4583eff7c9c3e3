"""The gateway of the settings, over real gRPC to scripted Tritons."""

from collections.abc import AsyncIterator, Callable

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.gateway import Gateway, PassOptions, SoundPass, collect
from frontend.triton.make import make_gateway
from frontend.triton.pool import TritonPool
from frontend.triton.single import SingleTriton
from tests.fake_triton import Answers, FakeTriton, pcm_answer
from tests.fakes import sine
from tritone.addresses import resolve

HOSTS = ("127.0.0.1", "127.0.0.2")
Server = tuple[FakeTriton, grpc.aio.Server]


def answering(pass_: SoundPass) -> Callable[[service_pb2.ModelInferRequest], Answers]:
    async def respond(_request: service_pb2.ModelInferRequest) -> Answers:
        yield pcm_answer(sine(pass_.card, pass_.span.n_samples)[np.newaxis])

    return respond


@pytest.fixture
async def pods(pass_: SoundPass) -> AsyncIterator[tuple[int, list[Server]]]:
    """Two Tritons on one port of two addresses, as pods are."""
    servers: list[Server] = []
    port = 0
    for host in HOSTS:
        triton, server = FakeTriton(), grpc.aio.server()
        triton.serve(pass_.card)
        triton.respond = answering(pass_)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
        port = server.add_insecure_port(f"{host}:{port}")
        await server.start()
        servers.append((triton, server))
    yield port, servers
    for _, server in servers:
        await server.stop(grace=None)


async def generate(gateway: Gateway, pass_: SoundPass, times: int) -> None:
    for n in range(times):
        await collect(
            gateway.stream(pass_, PassOptions(pass_id=f"{n}", request_id="req", timeout_s=5.0))
        )


@pytest.mark.parametrize(
    ("url", "kind"),
    [("a:8001", SingleTriton), ("a:8001,b:8001", TritonPool), ("dns:///tritons:8001", TritonPool)],
)
def test_several_tritons_are_a_pool(url: str, kind: type) -> None:
    assert type(make_gateway(TritonSettings.model_validate({"url": url}), Metrics())) is kind


def test_one_triton_is_held_to_what_the_fleet_serves_too() -> None:
    settings = TritonSettings(url="a:8001", fleet="fleet.json")
    assert type(make_gateway(settings, Metrics())) is TritonPool


@pytest.mark.parametrize("is_name", [False, True])
async def test_every_triton_of_a_list_or_a_name_is_used_and_one_may_die(
    pods: tuple[int, list[Server]],
    pass_: SoundPass,
    is_name: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, servers = pods
    addresses = tuple(f"{host}:{port}" for host in HOSTS)

    async def look_up(*_: object) -> tuple[str, ...]:
        return addresses

    monkeypatch.setattr("frontend.triton.make.resolve", look_up if is_name else resolve)
    url = f"dns:///tritons:{port}" if is_name else ",".join(addresses)
    gateway = make_gateway(TritonSettings(url=url, refresh_s=0.05), Metrics())
    assert isinstance(gateway, TritonPool)
    await gateway.open()
    try:
        assert [card.name for card in gateway.catalog.cards] == [pass_.card.name]
        await generate(gateway, pass_, 64)
        assert min(len(triton.inferred) for triton, _ in servers) > 8  # by lot
        survivor, n_before = servers[1][0], len(servers[1][0].inferred)
        await servers[0][1].stop(grace=None)
        await generate(gateway, pass_, 16)
        assert len(survivor.inferred) == n_before + 16
    finally:
        await gateway.close()
