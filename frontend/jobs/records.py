"""What the job store takes and gives beside jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from frontend.jobs.model import JobFailure, JobRequest, JobResult, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that is to be accepted."""

    request: JobRequest
    digest: bytes = b""  # of what the caller sent, to tell a repetition from a clash
    cost: float = 1.0  # of making it, in any unit that is the same for all
    traceparent: str | None = None  # W3C trace context that the job's own spans shall continue


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt's right to a job; it is lost when the worker is taken for dead."""

    job_id: str
    claim_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ends."""

    status: JobStatus
    result: JobResult | None = None
    failure: JobFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life of one running job."""

    claim: Claim
    steps_done: int | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list."""

    owner: str | None = None  # None: everybody's
    contract: str | None = None
    statuses: tuple[JobStatus, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # all of these
    created_from: datetime | None = None  # inclusive
    created_until: datetime | None = None  # exclusive
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy the workers are."""

    queued_by_owner: Mapping[str, int]
    running: int
    oldest_s: float | None  # age of the oldest queued job
    typical_s: float | None  # mean running time of the last jobs; None: there were none

    @property
    def queued(self) -> int:
        """Jobs that wait, whosever they are."""
        return sum(self.queued_by_owner.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """What is in the database, for metrics."""

    queued: int
    running: int
    queue_age_s: float  # of the oldest job that is due; 0: none is
    deliveries: int  # webhooks that are on their way
    delivery_delay_s: float  # how long the most overdue one is; 0: none is
    consumers: int  # heard of within two leases


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a sweep found."""

    requeued: int = 0  # their worker had died
    ended: int = 0  # for the last time
    forgotten: int = 0  # queued, without a task
