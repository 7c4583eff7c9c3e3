"""The parts of jobs, put together for a frontend or a worker."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from pydantic import SecretStr

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.database.notifications import listen
from frontend.errors import CannotStart
from frontend.jobs.deliveries import DeliveryStore
from frontend.jobs.endings import Endings
from frontend.jobs.queue import Queue
from frontend.jobs.recovery import JobRecovery
from frontend.jobs.service import JobService
from frontend.jobs.settings import JobSettings
from frontend.jobs.store import JobStore
from frontend.jobs.webhook_bodies import Announcer, WebhookBody
from frontend.observe.metrics import Metrics
from frontend.settings import Settings
from frontend.speech.dictionaries.store import DictionaryStore
from frontend.storage.files import FileStore
from frontend.storage.settings import StorageSettings
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.signature import derive_receiver_secret

_SECRET_BYTES = 32


class NoDatabase(CannotStart):
    """`TRITONE_JOBS__DATABASE_URL` is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSystemSettings:
    """The three groups of the settings that jobs need."""

    jobs: JobSettings
    storage: StorageSettings
    webhooks: WebhookSettings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the groups of a frontend's or worker's settings."""
        return cls(jobs=settings.jobs, storage=settings.storage, webhooks=settings.webhooks)

    @property
    def database_url(self) -> str:
        """Where jobs are kept.

        Raises:
            NoDatabase: nowhere.
        """
        if self.jobs.database_url is None:
            raise NoDatabase("TRITONE_JOBS__DATABASE_URL: must be set where jobs are to be kept")
        return self.jobs.database_url.get_secret_value()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSystem:
    """Everything of jobs that is open."""

    settings: JobSystemSettings
    service: JobService
    store: JobStore
    recovery: JobRecovery
    deliveries: DeliveryStore
    files: FileStore
    dictionaries: DictionaryStore
    webhook_masters: tuple[bytes, ...] = field(repr=False)  # the newest first
    metrics: Metrics = field(repr=False)

    def webhook_secrets(self, owner: str) -> tuple[str, ...]:
        """Return the `whsec_…` secrets of an owner's receivers, the newest first."""
        return tuple(derive_receiver_secret(master, owner) for master in self.webhook_masters)


@asynccontextmanager
async def open_jobs(
    settings: JobSystemSettings,
    bodies: Mapping[str, WebhookBody],
    patience_s: float,
    metrics: Metrics | None = None,
    *,
    accepts_at_once: bool = False,
) -> AsyncIterator[JobSystem]:
    """Connect, bring the schema up to date and put the parts together.

    `bodies` are the contracts' own webhook bodies; `patience_s` bounds each wait for the database;
    `metrics` are the process' own, where somebody reads them.
    `accepts_at_once`: every connection is made now and kept, for clients that wait for an answer.

    Raises:
        NoDatabase: none is set.
        BackendUnavailable: it cannot be reached.
    """
    n_connections = settings.jobs.max_connections
    n_kept = n_connections if accepts_at_once else 1
    pool = make_pool(settings.database_url, n_connections, durable=True, min_connections=n_kept)
    database = Database(pool, patience_s)
    try:
        await database.open()
        system = await _put_together(settings, database, bodies, metrics or Metrics())
        if accepts_at_once:
            await system.store.warm_up()
        try:
            yield system
        finally:
            await system.service.close()
    finally:
        await database.close()


async def _put_together(
    settings: JobSystemSettings,
    database: Database,
    bodies: Mapping[str, WebhookBody],
    metrics: Metrics,
) -> JobSystem:
    queue = Queue()
    key = await _secret(database, "files", settings.storage.signing_key)
    files = FileStore(settings.storage, key)
    endings = Endings(queue, Announcer(files, bodies), metrics)
    lease_s = settings.jobs.lease_s
    store = JobStore(database, endings, lease_s)
    deliveries = DeliveryStore(database, settings.webhooks)
    listening = partial(listen, settings.database_url, "listen_to_jobs")
    masters = [await _secret(database, "webhooks", settings.webhooks.secret)]
    if settings.webhooks.previous_secret is not None:
        masters.append(settings.webhooks.previous_secret.get_secret_value().encode())
    return JobSystem(
        settings=settings,
        service=JobService(store, deliveries, listening, settings.jobs, settings.webhooks),
        store=store,
        recovery=JobRecovery(database, queue, endings, lease_s, metrics),
        deliveries=deliveries,
        files=files,
        dictionaries=DictionaryStore(database),
        webhook_masters=tuple(masters),
        metrics=metrics,
    )


async def _secret(database: Database, name: str, given: SecretStr | None) -> bytes:
    if given is not None:
        return given.get_secret_value().encode()
    return await database.secret(name, secrets.token_bytes(_SECRET_BYTES))
