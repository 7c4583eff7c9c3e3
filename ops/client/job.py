"""A job as the server shows it: `GET /jobs/{id}`."""

from dataclasses import dataclass
from typing import Any

_OVER = frozenset({"completed", "error", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a finished job has made: one file, and what it was made with."""

    url: str  # of the file; needs no key
    file_name: str
    seconds: float
    seed: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One state of a job."""

    id: str
    status: str
    position: int | None  # jobs before it in the queue
    steps_done: int  # of speech: sentences
    steps: int | None
    problem: str  # why it failed
    made: Made | None

    @property
    def is_over(self) -> bool:
        """Nothing will change any more."""
        return self.status in _OVER


def read_job(view: dict[str, Any]) -> Job:
    """Return a job from its JSON."""
    error, result = view["error"], view["result"]
    return Job(
        id=view["id"],
        status=view["status"],
        position=view["position"],
        steps_done=view["steps_done"] or 0,
        steps=view["steps"],
        problem=error["message"] if error else "",
        made=_read_made(result) if result else None,
    )


def _read_made(result: dict[str, Any]) -> Made:
    file = result["files"][0]
    return Made(
        url=file["url"],
        file_name=file["file_name"],
        seconds=result["seconds"],
        seed=result["seed"],
        notes=tuple(result["notes"]),
    )
