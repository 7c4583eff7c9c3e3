"""Where owed webhooks and the log of their attempts are kept."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, execute, fetch, fetch_one
from frontend.errors import JobNotFound
from frontend.webhooks.model import Announcement, Attempt, AttemptOutcome, Delivery, DeliveryStatus
from frontend.webhooks.schedule import JITTER
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.turns import DueDelivery
from frontend.webhooks.urls import get_host

_ID_BYTES = 18
_SILENT_ATTEMPTS = 5  # in a row; then a host is left alone for a while
_LONGEST_SILENCE_S = 300.0  # until a host that did not answer is tried again
_NOT_TRIED = "not tried: the host did not answer the last attempts"
_HOSTS_PER_SLOT = 4
_FORGET_AGE_S = 24 * 3600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a delivery after an attempt."""

    status: DeliveryStatus
    outcome: AttemptOutcome
    delay_s: float = 0.0  # until the next attempt, while pending


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
        host=get_host(announcement.url),
        body=announcement.body,
    )


class DeliveryStore:
    """Deliveries, apart from their creation, which is part of ending a job."""

    def __init__(self, database: Database, settings: WebhookSettings) -> None:
        """Share the database of the jobs."""
        self._database = database
        self._per_host = settings.per_host
        # More hosts than can be busy at once: there is always one to send to.
        self._max_hosts = _HOSTS_PER_SLOT * settings.concurrency
        self._pauses_s = list(settings.schedule_s)
        # A silent host is tried again after the same pauses as a delivery, up to a bound.
        pauses_s = [min(each, _LONGEST_SILENCE_S) for each in settings.schedule_s]
        self._silences_s = pauses_s or [_LONGEST_SILENCE_S]

    async def find_due(self) -> list[DueDelivery]:
        """Return deliveries whose time has come, the oldest first; not more than can be sent."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(
                connection,
                "find_due_deliveries",
                threshold=_SILENT_ATTEMPTS,
                n_pauses=len(self._pauses_s),
                per_host=self._per_host,
                max_hosts=self._max_hosts,
            )

        rows = await self._database.run(work)
        return [DueDelivery(**row) for row in rows]

    async def postpone(self) -> None:
        """Plan the next attempt of what is due to hosts that are left alone, by the schedule."""

        async def work(connection: Connection) -> None:
            await execute(
                connection,
                "postpone_deliveries",
                threshold=_SILENT_ATTEMPTS,
                pauses_s=self._pauses_s,
                jitter=JITTER,
                problem=_NOT_TRIED,
            )

        await self._database.run(work)

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

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                row = await fetch_one(
                    connection,
                    "settle_delivery",
                    id=delivery_id,
                    claim_id=claim_id,
                    status=settlement.status,
                    delay_s=settlement.delay_s,
                )
                if row is not None:
                    await _log_attempt(connection, delivery_id, settlement.outcome)
                    await self._count_silence(connection, row, settlement.outcome)

        await self._database.run(work)

    async def _count_silence(
        self, connection: Connection, ends: Row, outcome: AttemptOutcome
    ) -> None:
        if outcome.status_code is not None:
            await execute(connection, "forget_silence", **ends)
            return
        row = await fetch_one(
            connection,
            "count_silence",
            **ends,
            threshold=_SILENT_ATTEMPTS,
            pauses_s=self._silences_s,
        )
        if row is not None and row["failures"] == _SILENT_ATTEMPTS:
            _log.warning("webhook host does not answer", key=ends["owner"], host=ends["host"])

    async def restart(self, delivery_id: str, owner: str | None) -> Delivery:
        """Deliver again, with the same id and body; one that is on its way stays as it is.

        Raises:
            JobNotFound: there is no such delivery of this owner, or it is pending already.
        """
        row: Row | None = None

        async def work(connection: Connection) -> None:
            nonlocal row  # run again, it finds what its first run may have restarted
            values = {"id": delivery_id, "owner": owner}
            row = await fetch_one(connection, "restart_delivery", **values) or row

        await self._database.run(work)
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

    async def forget_old_silences(self) -> None:
        """Forget hosts that did not answer, and to which nothing was sent for a day."""

        async def work(connection: Connection) -> None:
            await execute(connection, "forget_old_silences", age_s=_FORGET_AGE_S)

        await self._database.run(work)


async def _log_attempt(connection: Connection, delivery_id: str, outcome: AttemptOutcome) -> None:
    await execute(
        connection,
        "record_attempt",
        id=delivery_id,
        status_code=outcome.status_code,
        problem=outcome.problem,
        seconds=outcome.seconds,
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
