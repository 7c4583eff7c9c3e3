"""One simulation: the stubs in a child process, the frontends in this one."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.fleet import tritons
from benchmarks.fleet.frontends import Request, Sample, open_pools, run_load, watch_sick
from benchmarks.fleet.plan import CARD, Plan
from tritone.card import COMPONENTS, component_name

_DENOISER = (component_name(CARD.name, "denoiser"),)
_ALL = tuple(component_name(CARD.name, each) for each in COMPONENTS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen."""

    requests: list[Request]
    samples: list[Sample]
    tritons: tritons.Record


@dataclass(frozen=True, slots=True)
class LookCost:
    """What one look of one frontend at one Triton costs."""

    calls: float  # gRPC calls
    frontend_ms: float  # processor time
    stub_ms: float


@contextmanager
def _stubs(plan: Plan, components: tuple[str, ...]) -> Iterator[tuple[Connection, list[int]]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=tritons.run, args=(plan, components, theirs), daemon=True)
    child.start()
    try:
        yield ours, ours.recv()
    finally:
        ours.send("end")
        child.join(10.0)
        child.kill()


def simulate(plan: Plan) -> Outcome:
    """Run a plan. Each stub lists its denoiser only: looks at all components cost too much here."""
    with _stubs(plan, _DENOISER) as (pipe, ports):
        return asyncio.run(_simulate(plan, pipe, ports))


async def _simulate(plan: Plan, pipe: Connection, ports: list[int]) -> Outcome:
    async with open_pools(plan, ports) as pools:
        pipe.send("begin")
        watching = asyncio.create_task(watch_sick(plan, pools, ports))
        requests = await run_load(plan, pools)
        watching.cancel()
        samples = await watching
        pipe.send("record")
        record: tritons.Record = await asyncio.to_thread(pipe.recv)
        return Outcome(requests, samples, record)


def measure_looks(plan: Plan, seconds: float) -> LookCost:
    """Let the frontends of a plan look for so many seconds, at all components and without load."""
    with _stubs(plan, _ALL) as (pipe, ports):
        return asyncio.run(_measure_looks(plan, seconds, pipe, ports))


async def _measure_looks(
    plan: Plan, seconds: float, pipe: Connection, ports: list[int]
) -> LookCost:
    async with open_pools(plan, ports):
        await asyncio.sleep(plan.refresh_s)  # the first look reads more
        pipe.send("begin")
        before_s = time.process_time()
        await asyncio.sleep(seconds)
        ours_s = time.process_time() - before_s
        pipe.send("record")
        record: tritons.Record = await asyncio.to_thread(pipe.recv)
    n_looks = plan.n_frontends * plan.n_tritons * seconds / plan.refresh_s
    return LookCost(
        calls=sum(record.n_calls) / n_looks,
        frontend_ms=1000 * ours_s / n_looks,
        stub_ms=1000 * record.processor_s / n_looks,
    )
