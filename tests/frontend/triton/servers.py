"""A gateway over a fake Triton's real gRPC server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from frontend.settings import TritonSettings
from frontend.triton.gateway import PassOptions, SoundPass
from frontend.triton.single import SingleTriton
from tests.fake_triton import Answers, FakeTriton
from tests.fakes import sine
from tritone.pcm import Pcm

CALL = PassOptions(pass_id="job", request_id="req", timeout_s=5.0)


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


def answering(*answers: service_pb2.ModelStreamInferResponse) -> Callable[[object], Answers]:
    """Return a `respond` that gives these answers."""

    async def respond(_request: object) -> Answers:
        for answer in answers:
            yield answer

    return respond


def aborting(
    code: grpc.StatusCode, text: str
) -> Callable[[grpc.aio.ServicerContext], Awaitable[None]]:
    """Return an `abort` that refuses every call."""

    async def abort(context: grpc.aio.ServicerContext) -> None:
        await context.abort(code, text)

    return abort


def decoded(pass_: SoundPass, extra_samples: int = 100) -> Pcm:
    """Return what a decoder makes of a pass: int16 [1, channels, samples], more than needed."""
    n_samples = pass_.span.first_sample + pass_.span.n_samples + extra_samples
    return sine(pass_.card, n_samples)[np.newaxis]
