"""Where owed webhooks and the log of their attempts are kept."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, execute, fetch, fetch_one
from frontend.errors import JobNotFound
from frontend.jobs.queue import Queue
from frontend.webhooks.model import Announcement, Attempt, AttemptOutcome, Delivery, DeliveryStatus

_ID_BYTES = 18
_SETTLED = (DeliveryStatus.DELIVERED, DeliveryStatus.GAVE_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a delivery after an attempt."""

    status: DeliveryStatus
    delay_s: float = 0.0  # until the next attempt, while pending
    answer: AttemptOutcome | None = None  # None: nothing was sent, and nothing is logged or counted


async def add_delivery(connection: Connection, job_id: str, announcement: Announcement) -> None:
    """Owe somebody a webhook from this transaction on."""
    delivery_id = f"msg_{secrets.token_urlsafe(_ID_BYTES)}"
    await execute(
        connection,
        "insert_delivery",
        id=delivery_id,
        job_id=job_id,
        event=announcement.event,
        url=announcement.url,
        body=announcement.body,
    )


class DeliveryStore:
    """Deliveries, apart from their creation, which is part of ending a job."""

    def __init__(self, database: Database, queue: Queue) -> None:
        """Share the database and the queue of the jobs."""
        self._database = database
        self._queue = queue

    async def claim(self, delivery_id: str, claim_id: str, lease_s: float) -> Delivery | None:
        """Begin an attempt; None: it is over, or somebody else is at it."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(
                connection, "claim_delivery", id=delivery_id, claim_id=claim_id, lease_s=lease_s
            )

        row = await self._database.run(work)
        return None if row is None else _to_delivery(row)

    async def settle(self, delivery_id: str, claim_id: str, settlement: Settlement) -> None:
        """Note an attempt and plan the next one, in one transaction."""
        answer = settlement.answer

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                row = await fetch_one(
                    connection,
                    "settle_delivery",
                    id=delivery_id,
                    claim_id=claim_id,
                    status=settlement.status,
                    tries=0 if answer is None else 1,
                    delay_s=settlement.delay_s,
                )
                if row is None:
                    return
                if answer is not None:
                    await _log_attempt(connection, delivery_id, answer)
                if settlement.status not in _SETTLED:
                    await self._queue.add_delivery(connection, delivery_id, row["next_at"])

        await self._database.run(work)

    async def restart(self, delivery_id: str, owner: str | None) -> Delivery:
        """Deliver again, with the same id and body; one that is on its way stays as it is.

        Raises:
            JobNotFound: there is no such delivery of this owner, or it is pending already.
        """

        async def work(connection: Connection) -> Row | None:
            async with connection.transaction():
                row = await fetch_one(connection, "restart_delivery", id=delivery_id, owner=owner)
                if row is not None:
                    await self._queue.add_delivery(connection, delivery_id, None)
                return row

        row = await self._database.run(work)
        if row is None:
            raise JobNotFound("There is no such delivery, or it is still on its way.")
        return _to_delivery(row)

    async def of_job(self, job_id: str, owner: str | None) -> tuple[Delivery, ...]:
        """Return a job's deliveries with their logs, oldest first."""

        async def work(connection: Connection) -> tuple[list[Row], list[Row]]:
            rows = await fetch(connection, "list_deliveries", job_id=job_id, owner=owner)
            ids = [row["id"] for row in rows]
            return rows, await fetch(connection, "list_attempts", ids=ids)

        rows, attempts = await self._database.run(work)
        return tuple(_with_log(_to_delivery(row), attempts) for row in rows)

    async def recover(self, grace_s: float) -> int:
        """Wake deliveries that nobody remembers; return how many."""

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                rows = await fetch(connection, "lock_forgotten_deliveries", grace_s=grace_s)
                for row in rows:
                    await self._queue.add_delivery(connection, row["id"], None)
            return len(rows)

        return await self._database.run(work)


async def _log_attempt(connection: Connection, delivery_id: str, answer: AttemptOutcome) -> None:
    await execute(
        connection,
        "record_attempt",
        id=delivery_id,
        status_code=answer.status_code,
        problem=answer.problem,
        seconds=answer.seconds,
    )


def _to_delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        job_id=str(row["job_id"]),
        owner=row["owner"],
        event=row["event"],
        url=row["url"],
        body=bytes(row["body"]),
        status=DeliveryStatus(row["status"]),
        tries=row["tries"],
        next_at=row["next_at"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        traceparent=row.get("traceparent"),
    )


def _with_log(delivery: Delivery, rows: Sequence[Row]) -> Delivery:
    mine = (row for row in rows if row["delivery_id"] == delivery.id)
    return replace(
        delivery,
        attempts=tuple(
            Attempt(
                at=row["at"],
                status_code=row["status_code"],
                problem=row["problem"],
                seconds=row["seconds"],
            )
            for row in mine
        ),
    )
