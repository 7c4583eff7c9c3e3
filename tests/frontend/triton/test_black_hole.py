"""The drill of the black hole: two healthy Tritons, and one that fails every pass at once.

A sticky CUDA error looks just so: the Triton answers every look and is always idle. By the fewest
passes under way alone it drew 42 of 60.
"""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
from tritonclient.grpc import service_pb2

from frontend.errors import TritoneError
from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.gateway import Gateway, SoundPass, collect
from frontend.triton.make import make_gateway
from tests.fake_triton import Answers, FakeTriton, error_answer, pcm_answer
from tests.fakes import sine
from tests.frontend.triton.network import name_pass
from tests.frontend.triton.servers import answering, serving

N_REQUESTS, PER_SECOND = 60, 6.0
PASS_S = 0.5  # of a healthy Triton


async def run_open_loop(gateway: Gateway, pass_: SoundPass) -> int:
    """Return how many of the requests failed that come at their own pace."""

    async def request(n: int) -> bool:
        await asyncio.sleep(n / PER_SECOND)
        try:
            await collect(gateway.stream(pass_, name_pass(f"{n}")))
        except TritoneError:
            return False
        return True

    return (await asyncio.gather(*map(request, range(N_REQUESTS)))).count(False)


async def test_of_60_requests_to_a_pool_with_a_black_hole_none_fails(pass_: SoundPass) -> None:
    sound = pcm_answer(sine(pass_.card, pass_.span.n_samples)[np.newaxis])

    async def respond(_request: service_pb2.ModelInferRequest) -> Answers:
        await asyncio.sleep(PASS_S)
        yield sound

    sick, *healthy = tritons = [FakeTriton() for _ in range(3)]
    sick.respond = answering(error_answer("onnx runtime error: CUDA error 700: illegal address"))
    for triton in healthy:
        triton.respond = respond
    async with AsyncExitStack() as stack:
        addresses = []
        for triton in tritons:
            triton.serve(pass_.card)
            addresses.append(await stack.enter_async_context(serving(triton)))
        gateway = make_gateway(TritonSettings(url=",".join(addresses)), Metrics())
        await gateway.open()
        stack.push_async_callback(gateway.close)
        n_failed = await run_open_loop(gateway, pass_)
        left_out = gateway.catalog.left_out
    print(f"{n_failed} of {N_REQUESTS} failed; the black hole was given {len(sick.inferred)}")  # noqa: T201
    assert n_failed == 0
    assert len(sick.inferred) <= 5  # 3 until it was ejected, and at most two trials
    assert list(left_out) == addresses[:1]
