"""A gateway over a fake Triton's real gRPC server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from tritonclient.grpc import service_pb2_grpc

from frontend.settings import TritonSettings
from frontend.triton.single import SingleTriton
from tests.fake_triton import FakeTriton


@asynccontextmanager
async def serving(triton: FakeTriton) -> AsyncIterator[str]:
    """Serve a fake Triton; give its address."""
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=None)


@asynccontextmanager
async def gateway_to(url: str) -> AsyncIterator[SingleTriton]:
    """Give a gateway that looks often and waits little."""
    settings = TritonSettings(url=url, refresh_s=0.05, watchdog_s=0.1, rpc_timeout_s=2.0)
    gateway = SingleTriton(settings)
    yield gateway
    await gateway.close()


async def eventually(claim: Callable[[], bool]) -> None:
    """Return once a claim holds."""
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110  (what changes knows nothing of events)
            await asyncio.sleep(0.01)
