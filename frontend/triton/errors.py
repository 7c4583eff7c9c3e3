"""Triton's and gRPC's errors in our own words: one table, one context manager.

Errors of a stream arrive without a status code, and Triton says UNAVAILABLE for three different
things: only the text tells. An ensemble puts a prefix before it, so texts are searched for.
Source: triton-inference-server/core r24.10, scheduler_utils.cc and dynamic_batch_scheduler.cc;
Triton 2.51 itself for the rest.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import grpc
import structlog
from tritonclient.utils import InferenceServerException

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    NothingToSpeak,
    Overloaded,
    TritoneError,
)
from tritone import speech_refusals
from tritone.refusals import DEAD_PROCESS, DEADLINE_EXCEEDED, QUEUE_FULL, STOPPING
from tritone.speech_refusals import NOTHING_TO_SPEAK

log = structlog.get_logger(__name__)

_RETRY_AFTER_S = 1.0  # for callers that know nothing better
_MAX_DETAIL_CHARS = 500


@dataclass(frozen=True, slots=True)
class _Rule:
    """One row of the table: what Triton says and what it means to the caller."""

    pattern: re.Pattern[str]
    error: type[TritoneError]


def _make_rule(error: type[TritoneError], *texts: str) -> _Rule:
    return _Rule(re.compile("|".join(map(re.escape, texts)), re.IGNORECASE), error)


_RULES = (
    _make_rule(NothingToSpeak, NOTHING_TO_SPEAK),
    _make_rule(Overloaded, QUEUE_FULL, speech_refusals.QUEUE_FULL, "Exceeds maximum queue size"),
    _make_rule(DeadlineExceeded, "Request timeout expired", DEADLINE_EXCEEDED, "deadline_exceeded"),
    _make_rule(
        BackendUnavailable,
        STOPPING,
        speech_refusals.IS_STOPPING,
        "Server is stopping",
        "Server not ready",
        "no available versions",
        "unknown model",
        "model is not found",
        "is not ready",
        DEAD_PROCESS,
        "Socket closed",
        "failed to connect",
        "connection refused",
        "connection reset",
        "GOAWAY",
        "Internal error from Core",  # gRPC's, where a lost connection takes no more messages
    ),
)
_BY_STATUS: dict[str, type[TritoneError]] = {
    "StatusCode.UNAVAILABLE": BackendUnavailable,
    "StatusCode.NOT_FOUND": BackendUnavailable,
    "StatusCode.DEADLINE_EXCEEDED": DeadlineExceeded,
}
_BUSY = "The server is busy; try again later."
_NOTHING_TO_SPEAK = f"{NOTHING_TO_SPEAK[0].upper()}{NOTHING_TO_SPEAK[1:]}."


ForeignError: TypeAlias = InferenceServerException | grpc.RpcError


def to_domain_error(error: ForeignError, level: int = logging.WARNING) -> TritoneError:
    """Return what an error means to the caller; its text goes to the log only."""
    text, status = _get_text(error), _get_status(error)
    kind = next((rule.error for rule in _RULES if rule.pattern.search(text)), None)
    kind = kind or _BY_STATUS.get(status, GenerationFailed)
    detail = text[:_MAX_DETAIL_CHARS]
    log.log(level, "triton_error", detail=detail, status=status, meaning=kind.__name__)
    if kind is Overloaded:
        return Overloaded(_BUSY, retry_after_s=_RETRY_AFTER_S, reason="triton")
    if kind is NothingToSpeak:
        return NothingToSpeak(_NOTHING_TO_SPEAK, field="text")
    return kind()


@contextmanager
def raise_domain_errors(level: int = logging.WARNING) -> Iterator[None]:
    """Raise the domain error for whatever Triton or gRPC raises."""
    try:
        yield
    except (InferenceServerException, grpc.RpcError) as error:
        raise to_domain_error(error, level) from error


def is_dead_backend(error: ForeignError) -> bool:
    """Tell whether a backend's process was killed: it answers nothing that it has accepted."""
    return DEAD_PROCESS in _get_text(error)


def _get_text(error: ForeignError) -> str:
    text = error.message() if isinstance(error, InferenceServerException) else error.details()
    return text or ""


def _get_status(error: ForeignError) -> str:
    status = error.status() if isinstance(error, InferenceServerException) else error.code()
    return str(status)
