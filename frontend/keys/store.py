"""Where keys are kept: the only reader and writer of their rows. The clock is PostgreSQL's."""

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, fetch
from frontend.errors import BackendUnavailable
from frontend.keys.model import Key, KeyLimits, KeyReport, UsageBatch, Verdict


class KeyStore:
    """Keys in PostgreSQL. Every method raises BackendUnavailable when it is away for too long."""

    def __init__(self, database: Database) -> None:
        """The database is opened and closed by whoever made it."""
        self._database = database

    async def insert(self, key: Key, pepper_id: bytes) -> None:
        """Keep a new key."""
        values = {**_limits(key.limits), "id": key.id, "name": key.name, "digest": key.digest}
        await self._fetch("insert_key", **values, pepper_id=pepper_id)

    async def find(self, key_id: str) -> Key | None:
        """Return a key that is not revoked."""
        rows = await self._fetch("find_key", id=key_id)
        return _key(rows[0]) if rows else None

    async def revoke(self, key_id: str) -> bool:
        """Return whether there is such a key; it is revoked from now on."""
        return bool(await self._fetch("revoke_key", id=key_id))

    async def reports(self) -> list[KeyReport]:
        """Return every key, oldest first, with its usage."""
        return [_report(row) for row in await self._fetch("report_keys")]

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
        (row,) = await self._fetch("enter_gate", **values)
        wait_s = (row["ahead_s"] or 0.0) - tolerance_s if rate else 0.0
        return Verdict(is_admitted=row["is_admitted"], rate_wait_s=max(0.0, wait_s))

    async def leave(self, key_id: str, visit_id: str) -> None:
        """End a visit; no effect when it has ended."""
        await self._fetch("leave_gate", key_id=key_id, visit_id=visit_id)

    async def count(self, batch: UsageBatch) -> None:
        """Add to the usage of some keys; no effect when the batch was added before."""
        values: dict[str, object] = {
            "writer_id": batch.writer_id,
            "batch": batch.number,
            "ids": list(batch.counts),
            "requests": [each.requests for each in batch.counts.values()],
            "sound_seconds": [each.sound_seconds for each in batch.counts.values()],
        }
        await self._fetch("count_usage", **values)

    async def forget_usage_writers(self) -> None:
        """Forget processes that counted something, and ended long ago."""
        await self._fetch("forget_usage_writers")

    async def _fetch(self, name: str, /, **values: object) -> list[Row]:
        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, name, **values)

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


def _limits_of(row: Row) -> KeyLimits:
    return KeyLimits(
        rate_per_minute=row["rate_per_minute"],
        burst=row["burst"],
        max_in_flight=row["max_in_flight"],
    )


def _key(row: Row) -> Key:
    return Key(id=row["id"], name=row["name"], digest=bytes(row["digest"]), limits=_limits_of(row))


def _report(row: Row) -> KeyReport:
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
