"""What the job database says, as metrics: the same numbers from every frontend.

Workers come and go; the database is the one place that knows all jobs. Queries over several
frontends must therefore use `max`, not `sum`.
"""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from frontend.errors import TritoneError
from frontend.jobs.records import JobCounts
from frontend.jobs.startup import JobSystem
from frontend.observe.metrics import Described

_UP = "tritone_job_database_up"
_JOBS = "tritone_jobs"
_MEANINGS: dict[str, tuple[str, ...]] = {  # the name: its meaning, then its labels
    _UP: ("1 where the job database answers, else 0.",),
    _JOBS: ("Jobs that wait or run.", "status"),
    "tritone_jobs_queue_age_seconds": ("How long the oldest job that could run has waited.",),
    "tritone_webhooks_pending": ("Webhooks that are not delivered yet.",),
    "tritone_webhooks_delay_seconds": ("How long the most overdue webhook is overdue.",),
    "tritone_job_consumers": (
        "Queue consumers heard of within two leases; a worker process has one.",
    ),
}
DESCRIBED = tuple(
    Described(name=name, kind="gauge", labels=tuple(labels), meaning=meaning)
    for name, (meaning, *labels) in _MEANINGS.items()
)


class JobGauges(Collector):
    """A collector of the last count; while the database is away it has nothing but that."""

    def __init__(self) -> None:
        """Know nothing yet; `None` for a process without jobs exports nothing at all."""
        self._has_jobs = False
        self._counts: JobCounts | None = None

    async def refresh(self, system: JobSystem | None) -> None:
        """Count again."""
        self._has_jobs = system is not None
        if system is None:
            return
        try:
            self._counts = await system.store.count_jobs()
        except TritoneError:
            self.forget()

    def forget(self) -> None:
        """Know nothing: the database did not answer in time."""
        self._counts = None

    def describe(self) -> Iterator[Metric]:
        """Return the names, for the registry's check against doubles."""
        for each in DESCRIBED:
            yield GaugeMetricFamily(each.name, each.meaning, labels=each.labels)

    def collect(self) -> Iterator[Metric]:
        """Return the numbers."""
        if not self._has_jobs:
            return
        yield _gauge(_UP, float(self._counts is not None))
        if self._counts is None:
            return
        jobs = GaugeMetricFamily(_JOBS, _MEANINGS[_JOBS][0], labels=["status"])
        jobs.add_metric(["queued"], self._counts.queued)
        jobs.add_metric(["running"], self._counts.running)
        yield jobs
        yield _gauge("tritone_jobs_queue_age_seconds", self._counts.queue_age_s)
        yield _gauge("tritone_webhooks_pending", self._counts.deliveries)
        yield _gauge("tritone_webhooks_delay_seconds", self._counts.delivery_delay_s)
        yield _gauge("tritone_job_consumers", self._counts.consumers)


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, _MEANINGS[name][0], value=value)
