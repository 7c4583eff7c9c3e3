import asyncio
import random
from contextlib import suppress

import pytest

from frontend.errors import Overloaded
from frontend.passes.admission import Admission, Ticket
from frontend.settings import AdmissionSettings
from tritone.turns import BACKGROUND, INTERACTIVE


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


async def admitted_order(door: Admission, tickets: list[Ticket]) -> list[Ticket]:
    """Fill the door's one slot, let tickets wait, and return the order in which they enter."""
    order: list[Ticket] = []

    async def enter(ticket: Ticket) -> None:
        async with door.slot(ticket):
            order.append(ticket)

    async with door.slot():
        tasks = [asyncio.create_task(enter(ticket)) for ticket in tickets]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return order


async def test_owners_take_turns_by_the_cost_of_their_passes() -> None:
    door = admission(waiting=64)
    many = [Ticket(owner="many", cost=10) for _ in range(4)]
    dear = [Ticket(owner="dear", cost=20) for _ in range(2)]
    order = await admitted_order(door, [*many, *dear])
    assert [t.owner for t in order] == ["many", "dear", "many", "many", "dear", "many"]


async def test_who_waits_for_an_answer_comes_before_jobs() -> None:
    door = admission(waiting=4)
    job, request = Ticket(priority=BACKGROUND), Ticket(priority=INTERACTIVE)
    assert await admitted_order(door, [job, request]) == [request, job]


async def test_the_earliest_deadline_comes_first() -> None:
    door = admission(waiting=4)
    patient, urgent = Ticket(due_at=90.0), Ticket(due_at=9.0)
    assert await admitted_order(door, [patient, urgent]) == [urgent, patient]


async def test_an_owner_who_floods_us_leaves_room_for_the_others() -> None:
    door, leave = admission(waiting=8), asyncio.Event()

    async def ask(owner: str) -> None:
        async with door.slot(Ticket(owner=owner)):
            await leave.wait()

    flood = [asyncio.create_task(ask("flood")) for _ in range(20)]
    await asyncio.sleep(0)
    refused = [task for task in flood if task.done()]
    assert door.waiting == 5  # 4 of 8, and one more while as many are free
    assert all(isinstance(task.exception(), Overloaded) for task in refused)
    other = asyncio.create_task(ask("other"))
    await asyncio.sleep(0)
    assert door.waiting == 6
    leave.set()
    await asyncio.gather(other, *(task for task in flood if task not in refused))


async def test_a_slot_that_comes_as_its_taker_gives_up_goes_on() -> None:
    door, leave = admission(waiting=4), asyncio.Event()
    first, second, third = (asyncio.create_task(hold(door, leave)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)  # the slot is given to the second, which has not run yet
    second.cancel()
    leave.set()
    await third
    assert (door.in_flight, door.waiting) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_lost_whatever_comes_leaves_fails_and_gives_up(seed: int) -> None:
    dice = random.Random(seed)
    door = admission(in_flight=3, waiting=5)
    most = 0

    async def ask(owner: str) -> None:
        nonlocal most
        async with door.slot(Ticket(owner=owner, priority=dice.choice([INTERACTIVE, BACKGROUND]))):
            most = max(most, door.in_flight)
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            if dice.random() < 0.2:
                raise RuntimeError

    tasks: list[asyncio.Task[None]] = []
    for _ in range(60):
        tasks.append(asyncio.create_task(ask(dice.choice(["", "a", "b"]))))
        if dice.random() < 0.4:
            dice.choice(tasks).cancel()
        if dice.random() < 0.7:
            await asyncio.sleep(0)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(end is None for end in ends) > 10  # most went through
    assert most == 3
    assert (door.in_flight, door.waiting) == (0, 0)


async def test_the_wait_that_is_announced_follows_the_throughput_under_load() -> None:
    clock = Clock()
    door = admission(in_flight=2, waiting=64, clock=clock)
    leave = [asyncio.Event() for _ in range(8)]
    tasks = [asyncio.create_task(hold(door, event)) for event in leave]
    await asyncio.sleep(0)
    for event in leave[:4]:  # each pass was long under way, but every 3 s one ends
        clock.now += 3.0
        event.set()
        await asyncio.sleep(0.001)
    assert door.waiting == 2
    assert door.retry_after_s == pytest.approx(9.0)
    for event in leave:
        event.set()
    await asyncio.gather(*tasks)


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
