"""Where keys are kept: the only reader and writer of their rows. The clock is PostgreSQL's."""

from collections.abc import Awaitable, Callable, Mapping
from typing import LiteralString, TypeVar

from psycopg.rows import DictRow

from frontend.database.database import Connection, Database
from frontend.errors import BackendUnavailable
from frontend.keys.model import Counts, Key, KeyLimits, KeyReport, Verdict

T = TypeVar("T")

_INSERT = """
INSERT INTO tritone_keys (id, name, digest, pepper_id, rate_per_minute, burst, max_in_flight)
VALUES (%(id)s, %(name)s, %(digest)s, %(pepper_id)s, %(rate_per_minute)s, %(burst)s,
    %(max_in_flight)s)
ON CONFLICT DO NOTHING
"""

_FIND = "SELECT * FROM tritone_keys WHERE id = %(id)s AND revoked_at IS NULL"

_REVOKE = """
UPDATE tritone_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s RETURNING id
"""

_REPORTS = """
SELECT key.*, usage.last_used_at, coalesce(usage.requests, 0)::bigint AS requests,
    coalesce(usage.sound_seconds, 0) AS sound_seconds
FROM tritone_keys AS key
LEFT JOIN (
    SELECT key_id, max(last_used_at) AS last_used_at, sum(requests) AS requests,
        sum(sound_seconds) AS sound_seconds
    FROM tritone_key_usage GROUP BY key_id
) AS usage ON usage.key_id = key.id
ORDER BY key.created_at, key.id
"""

# The generic cell rate algorithm: `due_at` moves on by one interval per request and may be ahead
# of now by the tolerance. A refusal writes nothing. The outer SELECT sees the row as it was.
_ENTER = """
WITH entered AS (
    INSERT INTO tritone_key_gates AS gate (key_id, due_at, visits)
    VALUES (
        %(key_id)s,
        now() + %(interval_s)s * interval '1 second',
        jsonb_build_object(%(visit_id)s::text, extract(epoch FROM now()) + %(lease_s)s::float8)
    )
    ON CONFLICT (key_id) DO UPDATE SET
        due_at = greatest(gate.due_at, now()) + %(interval_s)s * interval '1 second',
        visits = CASE WHEN %(max_in_flight)s::int IS NULL THEN '{}' ELSE (
            SELECT coalesce(jsonb_object_agg(visit.key, visit.value), '{}')
            FROM jsonb_each(gate.visits) AS visit
            WHERE visit.value::float8 > extract(epoch FROM now())
        ) || EXCLUDED.visits END
    WHERE (%(interval_s)s = 0
            OR gate.due_at <= now() + %(tolerance_s)s * interval '1 second')
        AND (%(max_in_flight)s::int IS NULL OR %(max_in_flight)s::int > (
            SELECT count(*) FROM jsonb_each(gate.visits) AS visit
            WHERE visit.value::float8 > extract(epoch FROM now())
        ))
    RETURNING 1
)
SELECT EXISTS (SELECT FROM entered) AS is_admitted,
    (SELECT extract(epoch FROM due_at - now())::float8 FROM tritone_key_gates
        WHERE key_id = %(key_id)s) AS ahead_s
"""

_LEAVE = (
    "UPDATE tritone_key_gates SET visits = visits - %(visit_id)s::text WHERE key_id = %(key_id)s"
)

_COUNT = """
INSERT INTO tritone_key_usage AS known (key_id, shard, requests, sound_seconds)
SELECT key_id, pg_backend_pid() %% 16, requests, sound_seconds
FROM unnest(%(ids)s::text[], %(requests)s::bigint[], %(sound_seconds)s::float8[])
    AS fresh (key_id, requests, sound_seconds)
ORDER BY key_id
ON CONFLICT (key_id, shard) DO UPDATE SET
    requests = known.requests + EXCLUDED.requests,
    sound_seconds = known.sound_seconds + EXCLUDED.sound_seconds,
    last_used_at = now()
"""


class KeyStore:
    """Keys in PostgreSQL. Every method raises BackendUnavailable when it is away for too long."""

    def __init__(self, database: Database) -> None:
        """The database is opened and closed by whoever made it."""
        self._database = database

    async def insert(self, key: Key, pepper_id: bytes) -> None:
        """Keep a new key."""
        values = {**_limits(key.limits), "id": key.id, "name": key.name, "digest": key.digest}
        await self._execute(_INSERT, {**values, "pepper_id": pepper_id})

    async def find(self, key_id: str) -> Key | None:
        """Return a key that is not revoked."""
        rows = await self._fetch(_FIND, {"id": key_id})
        return _key(rows[0]) if rows else None

    async def revoke(self, key_id: str) -> bool:
        """Return whether there is such a key; it is revoked from now on."""
        return bool(await self._fetch(_REVOKE, {"id": key_id}))

    async def reports(self) -> list[KeyReport]:
        """Return every key, oldest first, with its usage."""
        return [_report(row) for row in await self._fetch(_REPORTS, {})]

    async def enter(self, key: Key, visit_id: str, lease_s: float) -> Verdict:
        """Count a request against the key's limits, if they have room for it.

        `lease_s` is when the visit ends by itself, in seconds, should nobody end it.
        """
        rate, burst = key.limits.rate_per_minute, key.limits.burst
        interval_s = 60 / rate if rate else 0.0
        tolerance_s = (burst - 1) * interval_s
        values: dict[str, object] = {
            "key_id": key.id,
            "visit_id": visit_id,
            "lease_s": lease_s,
            "interval_s": interval_s,
            "tolerance_s": tolerance_s,
            "max_in_flight": key.limits.max_in_flight,
        }
        (row,) = await self._fetch(_ENTER, values)
        wait_s = (row["ahead_s"] or 0.0) - tolerance_s if rate else 0.0
        return Verdict(is_admitted=row["is_admitted"], rate_wait_s=max(0.0, wait_s))

    async def leave(self, key_id: str, visit_id: str) -> None:
        """End a visit; no effect when it has ended."""
        await self._execute(_LEAVE, {"key_id": key_id, "visit_id": visit_id})

    async def count(self, counts: Mapping[str, Counts]) -> None:
        """Add to the usage of some keys."""
        values = {
            "ids": list(counts),
            "requests": [each.requests for each in counts.values()],
            "sound_seconds": [each.sound_seconds for each in counts.values()],
        }
        await self._execute(_COUNT, values)

    async def _fetch(self, query: LiteralString, values: Mapping[str, object]) -> list[DictRow]:
        async def work(connection: Connection) -> list[DictRow]:
            cursor = await connection.execute(query, values)
            return await cursor.fetchall()

        return await self._run(work)

    async def _execute(self, query: LiteralString, values: Mapping[str, object]) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(query, values)

        await self._run(work)

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await self._database.run(work)
        except BackendUnavailable as error:
            raise BackendUnavailable(
                "API keys cannot be checked right now; try again later."
            ) from error


def _limits(limits: KeyLimits) -> dict[str, object]:
    return {
        "rate_per_minute": limits.rate_per_minute,
        "burst": limits.burst,
        "max_in_flight": limits.max_in_flight,
    }


def _limits_of(row: DictRow) -> KeyLimits:
    return KeyLimits(
        rate_per_minute=row["rate_per_minute"],
        burst=row["burst"],
        max_in_flight=row["max_in_flight"],
    )


def _key(row: DictRow) -> Key:
    return Key(id=row["id"], name=row["name"], digest=bytes(row["digest"]), limits=_limits_of(row))


def _report(row: DictRow) -> KeyReport:
    return KeyReport(
        id=row["id"],
        name=row["name"],
        pepper_id=bytes(row["pepper_id"]),
        limits=_limits_of(row),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        requests=row["requests"],
        sound_seconds=row["sound_seconds"],
    )
