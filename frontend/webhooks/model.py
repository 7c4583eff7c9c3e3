"""A delivery: one event on its way to one receiver, with the log of its attempts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"  # on its way, or waiting for its next attempt
    DELIVERED = "delivered"  # the receiver answered 2xx
    GAVE_UP = "gave_up"  # the schedule is used up, or the receiver is gone for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is to be told to whom."""

    event: str  # the event's type
    url: str
    body: bytes  # JSON; signed and sent as it is on every attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One line of a delivery's log."""

    at: datetime
    status_code: int | None  # None: there was no answer
    problem: str | None  # None: accepted
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What one attempt gave; of the receiver's answer, only the status is ever shown."""

    status_code: int | None  # None: there was no answer
    problem: str | None  # None: accepted
    seconds: float
    retry_after_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver has it."""
        return self.problem is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery as it was a moment ago."""

    id: str  # the receiver's key against duplicates: the same on every attempt
    job_id: str
    owner: str
    event: str
    url: str
    body: bytes
    status: DeliveryStatus
    tries: int  # since it was created or redelivered
    next_at: datetime
    created_at: datetime
    ended_at: datetime | None
    attempts: tuple[Attempt, ...] = ()
    traceparent: str | None = None  # of the job, as far as it is needed to send
