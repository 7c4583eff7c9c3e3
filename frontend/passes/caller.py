"""Who asks for something: what shares, turns and log lines go by."""

from dataclasses import dataclass

from tritone.turns import INTERACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A contract makes one for each request, a worker one for each job."""

    request_id: str  # appears in our logs, in Triton's and in traces
    owner: str = ""  # id of the API key; callers of one owner share their turns; empty: no key
    priority: int = INTERACTIVE  # as in `tritone.turns`
