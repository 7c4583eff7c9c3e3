"""The management calls against a gRPC server that answers nothing."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from tritonclient.grpc import service_pb2_grpc

from ops.errors import TritonCallFailed
from ops.triton import probe
from ops.triton.control import TritonControl
from tests.fake_triton import FakeTriton
from tritone.card import ModelCard


@pytest.fixture
async def control(card: ModelCard) -> AsyncIterator[TritonControl]:
    triton, server = FakeTriton(), grpc.aio.server()
    triton.serve(card)
    triton.is_hung = True
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    control = TritonControl(f"127.0.0.1:{port}")
    yield control
    await control.close()
    await server.stop(grace=None)


async def test_a_model_that_answers_nothing_is_told_as_such(control: TritonControl) -> None:
    with pytest.raises(TritonCallFailed, match="Deadline Exceeded"):
        await control.ask("starter", [], {"query": "probe"}, 0.2)
    assert not await probe.answers("starter", control, 0.2)


async def test_an_unknown_model_is_triton_s_own_answer(control: TritonControl) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(TritonCallFailed, match=r"^unknown model$"):
            await control.config("nobody")


async def test_a_proxy_for_the_web_does_not_stand_before_triton(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    triton, server = FakeTriton(), grpc.aio.server()
    triton.serve(card)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    control = TritonControl(f"127.0.0.1:{port}")
    assert await control.index()
    await control.close()
    await server.stop(grace=None)
