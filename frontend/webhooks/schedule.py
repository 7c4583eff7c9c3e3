"""When a delivery is tried again. Source: Standard Webhooks 1.0.0, "Retries" (read 2026-11-21)."""

import random
from collections.abc import Sequence

from frontend.webhooks.model import AttemptOutcome

_GONE = 410
_SLOW_DOWN = (429, 502, 504)
_SLOW_DOWN_FACTOR = 2.0
_MAX_RETRY_AFTER_S = 24 * 3600.0
JITTER = 0.2
"""Of a pause, added at most."""


def choose_pause_s(
    outcome: AttemptOutcome, tries: int, schedule_s: Sequence[float]
) -> float | None:
    """Return the pause before the next attempt, or None: there is none.

    Args:
        outcome: what the attempt before gave; not accepted.
        tries: how many attempts were made, that one included.
        schedule_s: the pauses after the first, the second, … attempt.
    """
    if outcome.status_code == _GONE or tries > len(schedule_s):
        return None
    pause = schedule_s[tries - 1]
    if outcome.status_code in _SLOW_DOWN:
        pause *= _SLOW_DOWN_FACTOR
    if outcome.retry_after_s is not None:
        pause = max(pause, min(outcome.retry_after_s, _MAX_RETRY_AFTER_S))
    # Only ever later: a receiver that came back is not met by everybody at the same moment.
    return pause * (1 + random.uniform(0, JITTER))  # noqa: S311 -- not a secret
