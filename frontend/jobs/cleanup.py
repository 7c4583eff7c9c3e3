"""What every worker does from time to time: take over from the dead, and delete what is old."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

import structlog

from frontend.errors import TritoneError
from frontend.jobs.startup import JobSystem

_SWEEPS_PER_LEASE = 3
_PURGE_PERIOD_S = 600.0
_UNKNOWN_FILES_S = 3600.0  # beyond retention: a job may end well after its files were written

_log = structlog.get_logger(__name__)


async def clean(system: JobSystem) -> None:
    """Sweep and purge until cancelled; any number of workers may do so at once."""
    period_s = system.settings.jobs.lease_s / _SWEEPS_PER_LEASE
    purged_at = -_PURGE_PERIOD_S
    while True:
        try:
            await sweep(system)
            if time.monotonic() - purged_at > _PURGE_PERIOD_S:
                await purge(system)
                purged_at = time.monotonic()
        except TritoneError:
            _log.warning("could not clean up; trying again")
        # Apart from each other, so that workers started together do not meet every time.
        await asyncio.sleep(period_s * random.uniform(0.7, 1.3))  # noqa: S311 -- not a secret


async def sweep(system: JobSystem) -> None:
    """Give the jobs of dead workers to others, and wake what nobody remembers.

    Raises:
        BackendUnavailable: the database is away.
    """
    jobs = system.settings.jobs
    found = await system.recovery.recover(jobs.max_attempts)
    await system.recovery.clear_queue(2 * jobs.lease_s)
    if found.requeued or found.ended or found.forgotten:
        _log.warning(
            "took over from dead workers",
            requeued=found.requeued,
            ended=found.ended,
            forgotten=found.forgotten,
        )


async def purge(system: JobSystem) -> None:
    """Delete jobs, with their files, and files that no job knows, beyond their retention.

    Raises:
        BackendUnavailable: the database is away.
    """
    retention_s = system.settings.storage.retention_s
    while made := await system.recovery.purge(retention_s):
        await system.files.delete([file.key for result in made for file in result.files])
    await system.deliveries.forget_old_silences()
    limit = datetime.now(UTC) - timedelta(seconds=retention_s + _UNKNOWN_FILES_S)
    n_files = await system.files.delete_days_before(limit)
    if n_files:
        _log.info("deleted files that no job knew", files=n_files)
