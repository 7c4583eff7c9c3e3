"""A pool in which one Triton fails passes and answers every look."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import pytest

from frontend.errors import DeadlineExceeded, GenerationFailed, InvalidRequest, TritoneError
from frontend.observe.metrics import Metrics
from frontend.triton.gateway import (
    Catalog,
    Chunks,
    Pass,
    PassOptions,
    SoundPass,
    SpeechPass,
    collect,
)
from frontend.triton.pool import TritonPool
from tests.frontend.triton.network import (
    AWAY,
    SETTINGS,
    BreakingTriton,
    FakeTriton,
    Network,
    name_pass,
)
from tests.frontend.triton.servers import eventually

EJECT_S = SETTINGS.eject_s
BUG = GenerationFailed("CUDA error")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def pool(network: Network, clock: Clock, metrics: Metrics) -> AsyncIterator[TritonPool]:
    """A pool on a clock of its own, that the test opens once its network stands."""
    pool = TritonPool(network.resolve, network.tritons.__getitem__, SETTINGS, metrics, clock)
    yield pool
    await pool.close()


async def generate(pool: TritonPool, pass_: Pass, times: int) -> int:
    """Return how many of so many passes, one after the other, were made."""
    n_made = 0
    for n in range(times):
        try:
            await collect(pool.stream(pass_, name_pass(f"{n}")))
            n_made += 1
        except TritoneError:
            pass
    return n_made


async def test_one_that_fails_in_a_row_is_ejected_and_no_pass_fails(
    network: Network, pool: TritonPool, pass_: SoundPass, metrics: Metrics
) -> None:
    sick, _ = network.add("sick:1"), network.add("well:1")
    sick.error = BUG
    await pool.open()
    assert await generate(pool, pass_, 50) == 50
    assert len(sick.options) == SETTINGS.eject_after
    assert list(pool.catalog.left_out) == ["sick:1"]
    assert "3 passes of starter failed in a row" in pool.catalog.left_out["sick:1"]
    text = metrics.exposition().decode()
    assert 'tritone_triton_ejections_total{model="starter"} 1.0' in text
    assert 'tritone_passes_retried_total{error="GenerationFailed",model="starter"} 3.0' in text
    assert 'tritone_tritons{state="ejected"} 1.0' in text


async def test_a_success_between_two_failures_ejects_nobody(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    moody, idle = network.add("moody:1"), network.add("idle:1")
    await pool.open()
    idle.foreign_passes = 9  # so that the moody one is asked first
    for _ in range(5):
        moody.error = BUG
        assert await generate(pool, pass_, SETTINGS.eject_after - 1) == SETTINGS.eject_after - 1
        moody.error = None
        await generate(pool, pass_, 1)
    assert not pool.catalog.left_out


async def test_a_trial_brings_it_back_or_doubles_the_ejection(
    network: Network, pool: TritonPool, pass_: SoundPass, clock: Clock
) -> None:
    sick, well = network.add("sick:1"), network.add("well:1")
    sick.error = BUG
    await pool.open()
    await generate(pool, pass_, 50)
    n_before = len(sick.options)
    clock.now += EJECT_S
    assert await generate(pool, pass_, 10) == 10
    assert len(sick.options) == n_before + 1  # the trial, which another made in the end
    clock.now += EJECT_S
    await generate(pool, pass_, 10)
    assert len(sick.options) == n_before + 1
    sick.error = None
    clock.now += EJECT_S
    await generate(pool, pass_, 1)
    assert len(sick.options) == n_before + 2
    assert not pool.catalog.left_out
    well.foreign_passes = 9
    await generate(pool, pass_, 100)
    assert 1 < len(sick.options) - n_before < 40  # a tenth in its slow start
    clock.now += 60.0
    await generate(pool, pass_, 100)
    assert len(sick.options) - n_before > 100


async def test_passes_that_fail_together_eject_once(
    network: Network, pool: TritonPool, pass_: SoundPass, clock: Clock
) -> None:
    sick, well = network.add("sick:1"), network.add("well:1")
    sick.error, sick.gate = BUG, asyncio.Event()
    well.foreign_passes = 99
    await pool.open()
    passes = [collect(pool.stream(pass_, name_pass(f"{n}"))) for n in range(9)]
    running = asyncio.gather(*passes)
    await eventually(lambda: len(sick.options) == 9)
    sick.gate.set()
    assert len(await running) == 9
    clock.now += EJECT_S
    assert await generate(pool, pass_, 1) == 1
    assert len(sick.options) == 10  # a trial is due after the first ejection's time


async def test_the_last_one_is_never_ejected(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    await pool.open()
    one.error = BUG
    await generate(pool, pass_, 50)
    one.error, other.error = None, BUG
    await generate(pool, pass_, 20)
    assert list(pool.catalog.left_out) == ["a:1"]
    other.error = None
    assert await generate(pool, pass_, 10) == 10


@pytest.mark.parametrize("errors", [(BUG, BUG, BUG), (BUG, AWAY)])
async def test_a_pass_that_fails_everywhere_ejects_nobody(
    network: Network, pool: TritonPool, pass_: SoundPass, errors: tuple[TritoneError, ...]
) -> None:
    for n, error in enumerate(errors):
        network.add(f"{n}:1").error = error
    await pool.open()
    assert await generate(pool, pass_, 20) == 0
    standings = [member.standings[pass_.card.name] for member in pool.members]
    assert not any(each.is_ejected or each.n_failures for each in standings)
    assert sum(len(triton.options) for triton in network.tritons.values()) == 40


@pytest.mark.parametrize("error", [InvalidRequest("no words"), DeadlineExceeded("late")])
async def test_what_is_not_the_tritons_fault_is_not_tried_elsewhere_and_ejects_nobody(
    network: Network, pool: TritonPool, pass_: SoundPass, error: TritoneError
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    one.error = error
    await pool.open()
    n_made = await generate(pool, pass_, 60)
    assert n_made == len(other.options)
    assert len(one.options) + len(other.options) == 60
    assert not pool.catalog.left_out


async def test_a_model_that_fails_does_not_take_the_others_of_its_triton(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    @dataclass
    class HalfSick(FakeTriton):
        async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
            if pass_.card.name == "bells":
                raise BUG
            async with aclosing(super().stream(pass_, options)) as chunks:
                async for chunk in chunks:
                    yield chunk

    bells = replace(pass_.card, name="bells")
    network.catalog = Catalog(cards=(pass_.card, bells))
    well = network.add("well:1")
    half = network.add("half:1", HalfSick(network.catalog))
    await pool.open()
    ringing = replace(pass_, card=bells)
    assert await generate(pool, ringing, 50) == 50
    well.foreign_passes = 9
    assert await generate(pool, pass_, 10) == 10
    assert len(half.options) == 10


async def test_one_that_was_away_and_is_back_is_forgiven_and_begins_slowly(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    sick, well = network.add("sick:1"), network.add("well:1")
    sick.error = BUG
    await pool.open()
    await generate(pool, pass_, 50)
    sick.unreachable = AWAY
    await eventually(lambda: pool.catalog.left_out == {"sick:1": "does not answer"})
    sick.error = sick.unreachable = None
    await eventually(lambda: not pool.catalog.left_out)
    well.foreign_passes = 9
    sick.options.clear()
    await generate(pool, pass_, 100)
    assert 0 < len(sick.options) < 40


async def test_failing_after_the_first_chunk_is_not_tried_elsewhere_and_ejects(
    network: Network, pool: TritonPool, speech_pass: SpeechPass
) -> None:
    network.catalog = Catalog(speech_cards=(speech_pass.card,))
    network.add("well:1").foreign_passes = 9
    network.add("sick:1", BreakingTriton(network.catalog, breaks_with=BUG))
    await pool.open()
    assert await generate(pool, speech_pass, 20) == 20 - SETTINGS.eject_after
    assert list(pool.catalog.left_out) == ["sick:1"]
