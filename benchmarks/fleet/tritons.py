"""The stub Tritons of a simulation: all in one process, each a gRPC server on a port of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc
from tritonclient.grpc import service_pb2_grpc

from benchmarks.fleet.clock import SlowClock
from benchmarks.fleet.plan import Plan, Sickness
from benchmarks.fleet.stub import StubTriton

# As our Tritons are started: else they hang up on clients that ping every few seconds.
_OPTIONS = (
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


@dataclass(frozen=True, slots=True)
class Record:
    """What the Tritons did between two moments."""

    n_made: list[int]  # passes of each
    busy_s: list[float]  # lane seconds of each
    n_calls: list[int]  # gRPC calls of each, looks included
    processor_s: float  # of all of them together


class _Served:
    """One stub on a port that it keeps over restarts."""

    def __init__(self, stub: StubTriton) -> None:
        self.stub = stub
        self.port = 0
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(options=_OPTIONS)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self.stub, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=None)


def run(plan: Plan, components: tuple[str, ...], pipe: Connection) -> None:
    """Serve until the pipe says "end".

    Sends the ports; for each "begin" starts the illnesses and counts from there on; for each
    "record" sends what was counted.
    """
    asyncio.run(_run(plan, components, pipe))


async def _run(plan: Plan, components: tuple[str, ...], pipe: Connection) -> None:
    clock = SlowClock(plan.slowness)
    served = [_Served(StubTriton(clock, components)) for _ in range(plan.n_tritons)]
    for each in served:
        await each.start()
    pipe.send([each.port for each in served])
    before = _count(served)
    falling: list[asyncio.Task[None]] = []
    while (word := await asyncio.to_thread(pipe.recv)) != "end":
        if word == "begin":
            before = _count(served)
            falling = [
                asyncio.create_task(_fall_sick(served[n], sickness, clock.sleep))
                for n, sickness in plan.sick.items()
            ]
        else:
            pipe.send(_subtract(_count(served), before))
    for task in falling:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*(each.stop() for each in served))


async def _fall_sick(
    served: _Served, sickness: Sickness, sleep: Callable[[float], Awaitable[None]]
) -> None:
    await sleep(sickness.begin)
    if sickness.illness == "restarts":
        await served.stop()
    served.stub.illness = sickness.illness
    await sleep(sickness.end - sickness.begin)
    served.stub.illness = None
    if sickness.illness == "restarts":
        await served.start()


def _count(served: list[_Served]) -> Record:
    return Record(
        n_made=[each.stub.n_made for each in served],
        busy_s=[each.stub.busy_s for each in served],
        n_calls=[each.stub.n_calls for each in served],
        processor_s=time.process_time(),
    )


def _subtract(now: Record, before: Record) -> Record:
    return Record(
        n_made=[a - b for a, b in zip(now.n_made, before.n_made, strict=True)],
        busy_s=[a - b for a, b in zip(now.busy_s, before.busy_s, strict=True)],
        n_calls=[a - b for a, b in zip(now.n_calls, before.n_calls, strict=True)],
        processor_s=now.processor_s - before.processor_s,
    )
