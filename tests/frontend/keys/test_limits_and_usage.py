import asyncio

import pytest

from frontend.errors import BackendUnavailable
from frontend.keys.limits import Limiter
from frontend.keys.model import Counts, Key, KeyLimits, UsageBatch, Verdict, choose_burst
from frontend.keys.store import KeyStore
from frontend.keys.usage import Usage


class Flaky(KeyStore):
    """A store whose database comes and goes."""

    def __init__(self) -> None:
        self.is_away = False
        self.left: list[str] = []
        self.counted: list[tuple[str, Counts]] = []

    async def enter(self, key: Key, visit_id: str, lease_s: float) -> Verdict:
        await asyncio.sleep(0.01)
        return Verdict(is_admitted=True, rate_wait_s=0.0)

    async def leave(self, key_id: str, visit_id: str) -> None:
        self._check()
        self.left.append(key_id)

    async def count(self, batch: UsageBatch) -> None:
        await asyncio.sleep(0)
        self._check()
        self.counted.extend(batch.counts.items())

    def _check(self) -> None:
        if self.is_away:
            raise BackendUnavailable("away")


def _key(**limits: float) -> Key:
    return Key(id="k", name="test", digest=b"", limits=KeyLimits(**limits))  # type: ignore[arg-type]


def test_the_usual_burst_is_ten_seconds_worth() -> None:
    assert [choose_burst(rate) for rate in (None, 0.1, 6, 60, 61)] == [1, 1, 1, 10, 11]


async def test_a_slot_that_cannot_be_given_back_spoils_no_answer() -> None:
    store = Flaky()
    async with Limiter(store, 60.0).visit(_key(max_in_flight=1)):
        store.is_away = True
    assert store.left == []


async def test_a_rate_alone_has_no_slot_to_give_back() -> None:
    store = Flaky()
    async with Limiter(store, 60.0).visit(_key(rate_per_minute=60)):
        pass
    assert store.left == []


async def test_a_client_that_leaves_while_the_database_thinks_gives_its_slot_back() -> None:
    store = Flaky()

    async def visit() -> None:
        async with Limiter(store, 60.0).visit(_key(max_in_flight=1)):
            raise AssertionError("it has left")

    leaving = asyncio.create_task(visit())
    await asyncio.sleep(0.001)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert store.left == ["k"]


async def test_usage_waits_for_a_database_that_is_away() -> None:
    store = Flaky()
    usage = Usage(store, period_s=0.01)
    store.is_away = True
    usage.start()
    usage.add("k", requests=1)
    await asyncio.sleep(0.05)
    usage.add("k", requests=1, sound_seconds=2.0)
    store.is_away = False
    await asyncio.sleep(0.05)
    await usage.stop()
    assert {key for key, _ in store.counted} == {"k"}
    written = [counts for _, counts in store.counted]  # in one piece, or in two
    assert sum(each.requests for each in written) == 2
    assert sum(each.sound_seconds for each in written) == 2.0


async def test_the_end_writes_down_what_is_left_even_in_the_middle_of_writing() -> None:
    store = Flaky()
    usage = Usage(store)
    usage.add("k", requests=1)
    writing = asyncio.create_task(usage.flush())
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await usage.stop()
    assert store.counted == [("k", Counts(1, 0.0))]
