import asyncio
import uuid
from itertools import count

import psycopg
import pytest
from psycopg.types.json import Json

from frontend.keys.model import Counts, Key, KeyLimits, UsageBatch
from frontend.keys.secrets import parse_key
from frontend.keys.store import KeyStore
from tests.frontend.keys.conftest import make_key

FOREVER_S = 600.0


async def _stored(store: KeyStore, text: str) -> Key:
    presented = parse_key(text)
    assert presented is not None
    key = await store.find(presented.id)
    assert key is not None
    return key


def _limited(*, rate: float | None = None, burst: int = 1, max_in_flight: int | None = None) -> Key:
    limits = KeyLimits(rate_per_minute=rate, burst=burst, max_in_flight=max_in_flight)
    return Key(id=uuid.uuid4().hex, name="test", digest=b"", limits=limits)


async def test_a_key_is_found_until_it_is_revoked(store: KeyStore) -> None:
    key = await _stored(store, await make_key(store, rate_per_minute=60, burst=5))
    assert key.limits == KeyLimits(rate_per_minute=60, burst=5)
    assert await store.revoke(key.id)
    assert await store.find(key.id) is None
    assert await store.revoke(key.id)  # again
    assert not await store.revoke("aaaaaaaaaaaa")


async def test_the_secret_is_nowhere_in_the_database(store: KeyStore, database_url: str) -> None:
    text = await make_key(store)
    with psycopg.connect(database_url) as connection:
        rows = str(connection.execute("SELECT tritone_keys::text FROM tritone_keys").fetchall())
    assert text.split("_")[1] in rows
    assert text.split("_")[2] not in rows


async def test_a_burst_passes_and_the_next_waits_for_its_interval(store: KeyStore) -> None:
    key = _limited(rate=6, burst=5)  # 10 s apart
    verdicts = [await store.enter(key, f"v{each}", FOREVER_S) for each in range(7)]
    assert [each.is_admitted for each in verdicts].count(True) == 5
    assert 0 < verdicts[-1].rate_wait_s <= 10


async def test_who_waits_as_long_as_was_said_is_admitted(store: KeyStore) -> None:
    key = _limited(rate=600, burst=1)  # 0.1 s apart
    visits = map(str, count())
    while (verdict := await store.enter(key, next(visits), FOREVER_S)).is_admitted:
        continue  # a slow machine
    await asyncio.sleep(verdict.rate_wait_s)
    assert (await store.enter(key, next(visits), FOREVER_S)).is_admitted


async def test_a_burst_is_exact_when_it_comes_at_once(store: KeyStore) -> None:
    key = _limited(rate=6, burst=5)
    verdicts = await asyncio.gather(*(store.enter(key, str(each), FOREVER_S) for each in range(40)))
    assert [each.is_admitted for each in verdicts].count(True) == 5


async def test_a_refusal_costs_nothing_of_the_rate(store: KeyStore) -> None:
    key = _limited(rate=60, burst=1)
    await store.enter(key, "admitted", FOREVER_S)
    waits = [(await store.enter(key, "refused", FOREVER_S)).rate_wait_s for _ in range(5)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 1.0


async def test_no_more_requests_at_once_than_allowed(store: KeyStore) -> None:
    key = _limited(max_in_flight=3)
    verdicts = await asyncio.gather(
        *(store.enter(key, f"v{each}", FOREVER_S) for each in range(20))
    )
    admitted = [f"v{n}" for n, each in enumerate(verdicts) if each.is_admitted]
    assert len(admitted) == 3
    assert all(each.rate_wait_s == 0 for each in verdicts)
    await store.leave(key.id, admitted[0])
    assert (await store.enter(key, "next", FOREVER_S)).is_admitted
    assert not (await store.enter(key, "another", FOREVER_S)).is_admitted
    await store.leave(key.id, "never came")


async def test_a_slot_whose_frontend_died_is_free_after_its_lease(store: KeyStore) -> None:
    key = _limited(max_in_flight=1)
    assert (await store.enter(key, "dies", 0.2)).is_admitted
    assert not (await store.enter(key, "early", FOREVER_S)).is_admitted
    await asyncio.sleep(0.25)
    assert (await store.enter(key, "late", FOREVER_S)).is_admitted


async def test_a_full_key_does_not_use_up_its_rate(store: KeyStore) -> None:
    key = _limited(rate=6, burst=2, max_in_flight=1)
    await store.enter(key, "first", FOREVER_S)
    refused = await store.enter(key, "second", FOREVER_S)
    assert not refused.is_admitted
    assert refused.rate_wait_s == 0
    await store.leave(key.id, "first")
    assert (await store.enter(key, "third", FOREVER_S)).is_admitted


async def test_usage_adds_up(store: KeyStore) -> None:
    text = await make_key(store)
    key = await _stored(store, text)
    (before,) = await store.reports()
    assert (before.requests, before.sound_seconds, before.last_used_at) == (0, 0.0, None)
    counts = {key.id: Counts(2, 1.5), "somebody": Counts(1, 1.0)}
    writer_id = str(uuid.uuid4())
    for number in (1, 2, 2, 3):  # a batch counts once
        await store.count(UsageBatch(writer_id=writer_id, number=number, counts=counts))
    (report,) = await store.reports()
    assert (report.requests, report.sound_seconds) == (6, 4.5)
    assert report.last_used_at is not None


@pytest.mark.parametrize("status", ["completed", "error"])
async def test_the_sound_of_a_job_is_counted_where_it_ends(
    store: KeyStore, database_url: str, status: str
) -> None:
    key = await _stored(store, await make_key(store))
    with psycopg.connect(database_url, autocommit=True) as connection:
        for owner in (key.id, ""):
            connection.execute(
                "INSERT INTO tritone_jobs (id, owner, contract, digest, request, labels, status)"
                " VALUES (%s, %s, 'test', '', '{}', '{}', 'running')",
                (uuid.uuid4(), owner),
            )
        for _ in range(2):  # the second time changes nothing
            connection.execute(
                "UPDATE tritone_jobs SET status = %s, result = %s", (status, Json({"seconds": 2.5}))
            )
    (report,) = await store.reports()
    assert report.sound_seconds == (2.5 if status == "completed" else 0.0)
