"""What backends share that queue their requests: each is queued, or answered at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from backends.progress import Progress
from backends.sender import GuardedSender
from backends.triton import make_error_response
from tritone.probes import PROBE
from tritone.tensors import CANCEL, PRIORITY, PROGRESS, QUERY, SHARE
from tritone.turns import BACKGROUND, INTERACTIVE, QueuedWork

DRAIN_SECONDS = 25.0  # less than Triton's own 30 s for leaving


class Controlled(Protocol):
    """What control requests address."""

    def cancel(self, job_id: str) -> Progress:
        """Let a job end; return its progress."""

    def progress(self, job_id: str) -> Progress:
        """Return a job's progress."""

    @property
    def load(self) -> Progress:
        """How many jobs there are, and how many there may be."""


class Fallible(Protocol):
    """A reply that can say what went wrong."""

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""


AnyReply = TypeVar("AnyReply", bound=Fallible)


def accept_each(
    requests: Sequence[pb_utils.InferenceRequest],
    make_reply: Callable[[pb_utils.InferenceRequest], AnyReply],
    accept: Callable[[pb_utils.InferenceRequest, AnyReply], None],
    name: str,
) -> None:
    """Accept each request; one that fails, or breaks something, leaves the others alone."""
    for request in requests:
        reply = make_reply(request)
        try:
            accept(request, reply)
        except RequestFailed as error:
            reply.fail(error)
        except Exception as error:  # whatever else one request breaks, the others go on
            reply.fail(RequestFailed(f"{name} failed: {error!r}", Code.INTERNAL))


def control(parameters: Mapping[str, Any], controlled: Controlled) -> Progress | None:
    """Do what a control request asks for and return its answer; None: it is no such request."""
    if CANCEL in parameters:
        return controlled.cancel(str(parameters[CANCEL]))
    if parameters.get(QUERY) == PROBE:
        return controlled.load
    if QUERY in parameters:
        return controlled.progress(str(parameters[QUERY]))
    return None


def set_turn(work: QueuedWork, parameters: Mapping[str, Any]) -> None:
    """Note whose share a request uses, and how urgent it is."""
    work.owner = str(parameters.get(SHARE, ""))
    work.priority = BACKGROUND if parameters.get(PRIORITY) == BACKGROUND else INTERACTIVE


class OneAnswer:
    """The one answer to one request. Any thread may use it at any time."""

    def __init__(self, sender: pb_utils.InferenceResponseSender) -> None:
        """Answer through a request's own sender."""
        self._sender = GuardedSender(sender)

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this very request (not an ensemble around it)."""
        return self._sender.is_cancelled()

    def report(self, progress: Progress) -> None:
        """Answer a control request."""
        self.send([], progress)

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""
        self._sender.send(make_error_response(error))

    def send(self, tensors: Sequence[pb_utils.Tensor], progress: Progress) -> None:
        """Answer with tensors, and with the progress behind them."""
        told = pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))
        self._sender.send(pb_utils.InferenceResponse([*tensors, told]))
