"""A key, what it may do, and what was done with it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_BURST_MINUTES = 1 / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """What a key may do; None: as much as there is."""

    rate_per_minute: float | None = None  # requests
    burst: int = 1  # requests at once after a pause
    max_in_flight: int | None = None  # requests being answered, on all frontends together

    @property
    def are_none(self) -> bool:
        """Nothing is limited."""
        return self.rate_per_minute is None and self.max_in_flight is None


def choose_burst(rate_per_minute: float | None) -> int:
    """Return the requests of ten seconds, at least one."""
    return max(1, math.ceil((rate_per_minute or 0) * _BURST_MINUTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key as the database has it; never its secret."""

    id: str  # public: in logs, in lists, the owner of jobs
    name: str
    digest: bytes
    limits: KeyLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """One key and its usage."""

    id: str
    name: str
    pepper_id: bytes
    limits: KeyLimits
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    requests: int
    sound_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may enter now."""

    is_admitted: bool
    rate_wait_s: float  # until the rate lets it in; 0: it does


@dataclass(slots=True)
class Counts:
    """What was done with a key since somebody last wrote it down."""

    requests: int = 0
    sound_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBatch:
    """Counts that are written together. Written twice, they count once."""

    writer_id: str  # a UUID of the process that counted
    number: int  # among the batches of this writer, from 1
    counts: Mapping[str, Counts]  # by the ids of the keys
