"""The frontends of a simulation: their real pools, all in one process, under an open loop."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from benchmarks.arrivals import poisson_for
from benchmarks.fleet.clock import SlowClock
from benchmarks.fleet.plan import CARD, SECONDS, Plan
from frontend.errors import TritoneError
from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.gateway import PassOptions, SoundPass, collect
from frontend.triton.pool import TritonPool
from frontend.triton.single import SingleTriton
from tritone.addresses import parse, resolve

_TIMEOUT_S = 60.0
SAMPLE_S = 0.25
_ids = itertools.count()


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the open loop; times are the simulation's, from its begin."""

    due_s: float
    latency_s: float
    failure: str = ""  # class of the error; empty: it was answered


@dataclass(frozen=True, slots=True)
class Sample:
    """How many frontends had each sick Triton ejected, and how many passes each Triton had."""

    at_s: float
    n_ejected: dict[int, int]


@asynccontextmanager
async def open_pools(plan: Plan, ports: Sequence[int]) -> AsyncIterator[list[TritonPool]]:
    """Give the pools of all frontends, opened one after the other within one period of looking."""
    clock = SlowClock(plan.slowness)
    url = ",".join(f"127.0.0.1:{port}" for port in ports)
    refresh_s = plan.refresh_s * plan.slowness
    settings = TritonSettings.model_validate({"url": url, "refresh_s": refresh_s})

    async def look_up() -> tuple[str, ...]:
        return await resolve(parse(url), timeout_s=1.0)

    def connect(address: str) -> SingleTriton:
        patience_s = plan.patience_s * plan.slowness
        return SingleTriton(settings.model_copy(update={"url": address}), patience_s)

    pools = []
    for _ in range(plan.n_frontends):
        pools.append(TritonPool(look_up, connect, settings, Metrics(), clock.now))
        await pools[-1].open()
        await asyncio.sleep(refresh_s / plan.n_frontends)
    try:
        yield pools
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))


async def run_load(plan: Plan, pools: Sequence[TritonPool]) -> list[Request]:
    """Send the requests of a plan, each when it is due and to a frontend by lot."""
    clock = SlowClock(plan.slowness)
    begin = clock.now()
    rng = np.random.default_rng(7)

    async def send(due_s: float, pool: TritonPool, seconds: float) -> Request:
        await clock.sleep(begin + due_s - clock.now())
        options = PassOptions(
            pass_id=f"pass {next(_ids)}",
            request_id="simulated",
            timeout_s=_TIMEOUT_S * plan.slowness,
        )
        try:
            await collect(pool.stream(_pass(seconds), options))
        except TritoneError as error:
            return Request(due_s, clock.now() - begin - due_s, type(error).__name__)
        return Request(due_s, clock.now() - begin - due_s)

    sending = [
        send(due_s, pools[rng.integers(len(pools))], float(rng.choice(SECONDS)))
        for due_s in poisson_for(plan.per_s, plan.seconds, seed=11)
    ]
    return await asyncio.gather(*sending)


async def watch_sick(plan: Plan, pools: Sequence[TritonPool], ports: Sequence[int]) -> list[Sample]:
    """Sample which frontends give a sick Triton no passes, until cancelled."""
    clock = SlowClock(plan.slowness)
    begin = clock.now()
    samples: list[Sample] = []
    try:
        while True:
            left_out = [pool.catalog.left_out for pool in pools]
            n_ejected = {
                n: sum(f"127.0.0.1:{ports[n]}" in each for each in left_out) for n in plan.sick
            }
            samples.append(Sample(clock.now() - begin, n_ejected))
            await clock.sleep(SAMPLE_S)
    except asyncio.CancelledError:
        return samples


def _pass(seconds: float) -> SoundPass:
    return SoundPass(
        card=CARD,
        prompt="rain on a tin roof",
        seconds_start=0.0,
        seconds_end=seconds,
        seed=1,
        steps=20,
        guidance_scale=2.0,
    )
