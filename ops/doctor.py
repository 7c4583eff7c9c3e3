"""`tritone doctor`: whether this machine can run the stack, and what to do where it cannot."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from ops.errors import CannotStart
from ops.settings import Settings
from ops.stack import running_stack, state_folder
from ops.stack.environment import frontend_url
from ops.stack.frontend import frontend_port
from ops.triton.home import libpython_folder, triton_home
from ops.triton.published import require_published
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
        _find("stack", lambda: _stack(settings)),
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


def _stack(settings: Settings) -> str:
    folder = settings.resolved_state_directory()
    holder = state_folder.read_holder(folder)
    if holder is not None:
        return f"{folder} is in use by {holder}"
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(nearest, os.W_OK):
        raise CannotStart(
            f"{nearest} cannot be written to; set TRITONE_STATE_DIRECTORY to a folder of yours"
        )
    return f"none runs in {folder}"


def _port(settings: Settings) -> str:
    stack = running_stack.find(settings.resolved_state_directory())
    if stack is not None and stack.frontend == frontend_url(settings, settings.port):
        return f"{settings.port} on {settings.host} is that of the stack that runs here"
    return f"{frontend_port(settings)} on {settings.host} is free"


def _models(settings: Settings) -> str:
    found = require_published([settings.model_repository])
    if found.broken:
        raise CannotStart("; ".join(f"{name}: {reason}" for name, reason in found.broken.items()))
    names = [model.name for model in found.models if not model.is_candidate]
    return f"{settings.model_repository} publishes {', '.join(names)}"
