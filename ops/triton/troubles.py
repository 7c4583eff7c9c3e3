"""What does not load, why, and when to try again."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.polling import Backoff

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = (
    15.0  # also where files did not change: memory, or a disk, may have been the cause
)

Files = tuple[tuple[str, int, int], ...]
"""Path, time of change and size of every file of some Triton models."""


@dataclass(slots=True)
class _Trouble:
    reason: str
    files: Files
    next_at: float
    is_hopeless: bool = True
    pauses: Backoff = field(default_factory=lambda: Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S))


class Troubles:
    """The models whose last load failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_model: dict[str, _Trouble] = {}

    def reasons(self) -> dict[str, str]:
        """Return why each model does not load."""
        return {model: trouble.reason for model, trouble in self._by_model.items()}

    def is_hopeless(self, model: str) -> bool:
        """Return whether a model does not load by itself; one accident proves nothing."""
        trouble = self._by_model.get(model)
        return trouble is not None and trouble.is_hopeless

    def add(self, model: str, reason: str, files: Files, *, is_accident: bool = False) -> bool:
        """Keep that a load failed; return whether the reason is a new one.

        `is_accident`: something else has ended a process that it needed.
        """
        known = self._by_model.get(model)
        trouble = known or _Trouble(reason, files, 0.0)
        trouble.is_hopeless = known is not None or not is_accident
        is_new = known is None or known.reason != reason
        trouble.reason, trouble.files = reason, files
        trouble.next_at = self._clock() + trouble.pauses.next_s()
        self._by_model[model] = trouble
        return is_new

    def is_due(self, model: str, files: Callable[[], Files]) -> bool:
        """Return whether a load is worth a try: none failed, a while ago, or files have changed."""
        trouble = self._by_model.get(model)
        return trouble is None or self._clock() >= trouble.next_at or files() != trouble.files

    def end(self, model: str) -> bool:
        """Forget a model that loads; return whether it was in trouble."""
        return self._by_model.pop(model, None) is not None

    def clear(self) -> None:
        """Forget everything: a new Triton knows nothing of it."""
        self._by_model.clear()


def read_files(repositories: Sequence[Path], triton_models: Iterable[str]) -> Files:
    """Return the state of the files of some Triton models."""
    found = []
    for model in triton_models:
        for repository in repositories:
            for path in sorted((repository / model).rglob("*")):
                try:
                    status = path.stat()
                except OSError:  # gone meanwhile
                    continue
                found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def touch(repositories: Sequence[Path], model: str) -> None:
    """Make Triton see a model's versions as changed; without that, loading does nothing.

    Raises:
        OSError: they cannot be written to.
    """
    for repository in repositories:
        for path in (repository / model).glob("[0-9]*/*"):
            path.touch()
