import asyncio
from contextlib import suppress

import pytest

from frontend.admission import Admission
from frontend.errors import Overloaded
from frontend.settings import AdmissionSettings


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def admission(*, in_flight: int = 1, waiting: int = 1, clock: Clock | None = None) -> Admission:
    settings = AdmissionSettings(max_in_flight=in_flight, max_waiting=waiting)
    return Admission(settings, clock or Clock())


async def hold(door: Admission, until: asyncio.Event) -> None:
    async with door.slot():
        await until.wait()


async def test_a_full_house_makes_the_next_one_wait() -> None:
    door, leave = admission(), asyncio.Event()
    tasks = [asyncio.create_task(hold(door, leave)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (door.in_flight, door.waiting) == (1, 1)
    leave.set()
    await asyncio.gather(*tasks)
    assert (door.in_flight, door.waiting) == (0, 0)


async def test_a_full_queue_refuses() -> None:
    door, leave = admission(), asyncio.Event()
    tasks = [asyncio.create_task(hold(door, leave)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await hold(door, leave)
    assert caught.value.retry_after_s >= 1
    leave.set()
    await asyncio.gather(*tasks)


async def test_a_free_slot_needs_no_place_in_the_queue() -> None:
    door, leave = admission(waiting=0), asyncio.Event()
    leave.set()
    await hold(door, leave)


async def test_one_who_gives_up_waiting_leaves_no_trace() -> None:
    door, leave = admission(), asyncio.Event()
    first, second = (asyncio.create_task(hold(door, leave)) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    with suppress(asyncio.CancelledError):
        await second
    assert door.waiting == 0
    leave.set()
    await first
    await hold(door, leave)  # the slot is free again


async def test_a_failure_frees_its_slot() -> None:
    door = admission(waiting=0)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with door.slot():
                raise RuntimeError
    assert door.in_flight == 0


async def test_the_wait_that_is_announced_follows_the_durations_and_the_queue() -> None:
    clock = Clock()
    door = admission(in_flight=2, waiting=8, clock=clock)
    async with door.slot():
        clock.now += 20.0
    assert door.retry_after_s == pytest.approx(10.0)  # 1 / 2 rounds of 20 s
    leave = asyncio.Event()
    tasks = [asyncio.create_task(hold(door, leave)) for _ in range(5)]
    await asyncio.sleep(0)
    assert door.retry_after_s == pytest.approx(40.0)  # 3 wait already: 4 / 2 rounds
    leave.set()
    await asyncio.gather(*tasks)


async def test_recent_durations_count_most() -> None:
    clock = Clock()
    door = admission(in_flight=1, clock=clock)
    for seconds in [10.0] + [2.0] * 30:
        async with door.slot():
            clock.now += seconds
    assert door.retry_after_s == pytest.approx(2.0, rel=0.01)


async def test_failures_teach_nothing_about_durations() -> None:
    clock = Clock()
    door = admission(clock=clock)
    before = door.retry_after_s

    async def fail() -> None:
        async with door.slot():
            clock.now += 500.0
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert door.retry_after_s == before
