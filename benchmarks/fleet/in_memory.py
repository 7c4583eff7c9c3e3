"""The same fleet without gRPC, on a clock that jumps: minutes in seconds, on any machine alike.

The frontends' real pools, over Tritons that are objects. What gRPC, looks and a busy machine add is
left out; what the pools' rules do is all there.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from benchmarks.fleet.frontends import run_load, watch_sick
from benchmarks.fleet.plan import CARD, LANES, Illness, Plan, Sickness, pass_s
from benchmarks.fleet.simulation import Outcome
from benchmarks.fleet.stub import SLOWER
from benchmarks.fleet.tritons import Record
from frontend.errors import BackendUnavailable, GenerationFailed
from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.gateway import Catalog, Chunk, Chunks, Pass, PassOptions, Progress, SoundPass
from frontend.triton.pool import TritonPool

Accounts = Literal["asked", "looked", "own"]
"""What a choice knows of other frontends' passes: as of now, as of the last look, or nothing."""

_QUESTION_S = 0.001
_CATALOG = Catalog(cards=(CARD,))
_SILENCE = np.zeros((1, 1), np.int16)


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for no time to pass: it jumps."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(None if timeout is None else 0.0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


@dataclass(eq=False)
class _Triton:
    """Two lanes and a queue before them."""

    illness: Illness | None = None
    n_made: int = 0
    busy_s: float = 0.0
    waiting: deque[tuple[asyncio.Future[None], float]] = field(default_factory=deque)
    working: dict[asyncio.Future[None], asyncio.TimerHandle] = field(default_factory=dict)

    @property
    def n_jobs(self) -> int:
        return len(self.waiting) + len(self.working)

    async def make(self, seconds: float) -> None:
        """Return when a clip is made that takes a lane so many seconds."""
        if self.illness == "restarts":
            raise BackendUnavailable
        if self.illness == "fails":
            raise GenerationFailed
        seconds *= SLOWER if self.illness == "slow" else 1.0
        made = asyncio.get_running_loop().create_future()
        self.waiting.append((made, seconds))
        self._begin()
        await made

    def _begin(self) -> None:
        while self.waiting and len(self.working) < LANES:
            made, seconds = self.waiting.popleft()
            loop = asyncio.get_running_loop()
            self.working[made] = loop.call_later(seconds, self._end, made, seconds)

    def _end(self, made: asyncio.Future[None], seconds: float) -> None:
        del self.working[made]
        self.n_made += 1
        self.busy_s += seconds
        made.set_result(None)
        self._begin()

    async def fall_sick(self, sickness: Sickness) -> None:
        await asyncio.sleep(sickness.begin)
        self.illness = sickness.illness
        if sickness.illness == "restarts":
            lost = [*self.working, *(made for made, _ in self.waiting)]
            for timer in self.working.values():
                timer.cancel()
            self.working.clear()
            self.waiting.clear()
            for made in lost:
                made.set_exception(BackendUnavailable())
        await asyncio.sleep(sickness.end - sickness.begin)
        self.illness = None


@dataclass
class _Gateway:
    """What one frontend has of one Triton."""

    triton: _Triton
    accounts: Accounts
    catalog: Catalog = _CATALOG
    foreign_passes: int = 0
    n_own: int = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def refresh(self) -> Catalog:
        if self.triton.illness == "restarts":
            raise BackendUnavailable
        self._account()
        return self.catalog

    async def count_foreign_passes(self, _model: str) -> None:
        await asyncio.sleep(_QUESTION_S)
        if self.accounts == "asked":
            self._account()

    def _account(self) -> None:
        if self.accounts != "own":
            self.foreign_passes = max(0, self.triton.n_jobs - self.n_own)

    async def stream(self, pass_: Pass, _options: PassOptions) -> Chunks:
        self.n_own += 1
        try:
            await self.triton.make(pass_s(cast("SoundPass", pass_).seconds_end))
        finally:
            self.n_own -= 1
        yield Chunk(pcm=_SILENCE, model_version="1")

    async def cancel(self, _model: str, _pass_id: str) -> None: ...

    async def progress(self, _model: str, _pass_id: str) -> Progress | None: ...


def simulate(plan: Plan, accounts: Accounts = "asked", seed: int = 1) -> Outcome:
    """Run a plan; its slowness is 1."""
    random.seed(seed)  # of the pools' lots
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(_simulate(plan, accounts))


async def _simulate(plan: Plan, accounts: Accounts) -> Outcome:
    tritons = [_Triton() for _ in range(plan.n_tritons)]
    ports = range(1, plan.n_tritons + 1)
    pools = [_make_pool(plan, tritons, accounts) for _ in range(plan.n_frontends)]
    for pool in pools:
        await pool.open()
        await asyncio.sleep(plan.refresh_s / plan.n_frontends)
    falling = [asyncio.create_task(tritons[n].fall_sick(each)) for n, each in plan.sick.items()]
    watching = asyncio.create_task(watch_sick(plan, pools, ports))
    requests = await run_load(plan, pools)
    watching.cancel()
    samples = await watching
    for task in falling:
        task.cancel()
    await asyncio.gather(*(pool.close() for pool in pools))
    record = Record([t.n_made for t in tritons], [t.busy_s for t in tritons], [], 0.0)
    return Outcome(requests, samples, record)


def _make_pool(plan: Plan, tritons: Sequence[_Triton], accounts: Accounts) -> TritonPool:
    addresses = tuple(f"127.0.0.1:{n}" for n in range(1, len(tritons) + 1))
    gateways = {a: _Gateway(triton, accounts) for a, triton in zip(addresses, tritons, strict=True)}

    async def resolve() -> tuple[str, ...]:
        return addresses

    settings = TritonSettings(refresh_s=plan.refresh_s)
    clock = asyncio.get_running_loop().time
    return TritonPool(resolve, gateways.__getitem__, settings, Metrics(), clock)
