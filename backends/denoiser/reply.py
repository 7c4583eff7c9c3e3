"""How the denoiser answers: with a job's latents, with an error, with the progress of a job."""

from __future__ import annotations

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.denoiser.job import Job
from backends.errors import RequestFailed
from backends.sender import GuardedSender
from backends.triton import make_error_response
from tritone.tensors import LATENTS, PROGRESS, TEXT_USE_OUT


class SenderReply:
    """The one answer to one request. Any thread may use it at any time."""

    def __init__(self, sender: pb_utils.InferenceResponseSender) -> None:
        """Answer through a request's own sender."""
        self._sender = GuardedSender(sender)

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this very request (not an ensemble around it)."""
        return self._sender.is_cancelled()

    def succeed(self, job: Job) -> None:
        """Answer with the latents to decode and the full progress."""
        latents = np.ascontiguousarray(job.result[np.newaxis])
        tensors = [pb_utils.Tensor(LATENTS, latents), _make_progress(job.progress)]
        if job.text_use is not None:
            tensors.append(pb_utils.Tensor(TEXT_USE_OUT, job.text_use))
        self._sender.send(pb_utils.InferenceResponse(tensors))

    def report(self, progress: tuple[int, int]) -> None:
        """Answer a control request."""
        self._sender.send(pb_utils.InferenceResponse([_make_progress(progress)]))

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""
        self._sender.send(make_error_response(error))


def _make_progress(progress: tuple[int, int]) -> pb_utils.Tensor:
    return pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))
