"""`tritone doctor`: whether this machine can run the stack, and what to do where it cannot."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.errors import CannotStart
from ops.settings import Settings
from ops.stack.frontend import frontend_port
from ops.triton.home import libpython_folder, triton_home
from ops.triton.published import list_published_models
from ops.triton.shared_memory import SHARED_MEMORY, count_free_bytes

_MIB = 1 << 20
_WANTED_SHARED_MEMORY = 256 * _MIB  # a few regions of 1 MiB per model, grown by the largest tensors


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    is_good: bool
    detail: str  # what was found, or the remedy


def examine(settings: Settings) -> list[Finding]:
    """Return one finding for each thing that the stack needs."""
    return [
        _find("triton", lambda: str(triton_home())),
        _find("libpython", lambda: str(libpython_folder())),
        _find("shared memory", _shared_memory),
        _find("port", lambda: _port(settings)),
        _find("model repository", lambda: _models(settings)),
    ]


def _find(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, is_good=True, detail=look())
    except CannotStart as error:
        return Finding(subject, is_good=False, detail=str(error))


def _shared_memory() -> str:
    free = count_free_bytes()
    if free < _WANTED_SHARED_MEMORY:
        raise CannotStart(
            f"{SHARED_MEMORY} has {free // _MIB} MiB free, {_WANTED_SHARED_MEMORY // _MIB} are "
            "wanted; in Docker: --shm-size=1g"
        )
    return f"{free // _MIB} MiB free in {SHARED_MEMORY}"


def _port(settings: Settings) -> str:
    return f"{frontend_port(settings)} on {settings.host} is free"


def _models(settings: Settings) -> str:
    models = list_published_models(settings.model_repository)
    names = [model.name for model in models if not model.is_candidate]
    return f"{settings.model_repository} publishes {', '.join(names)}"
