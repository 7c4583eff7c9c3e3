"""How the denoiser answers: a job's end and a control request's progress, over Triton's senders."""

from __future__ import annotations

import threading

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.denoiser.job import Job
from backends.errors import RequestFailed
from backends.triton import error_response
from tritone.tensors import LATENTS, PROGRESS


class SenderReply:
    """The one answer to one request of a decoupled model. Any thread may use it.

    Triton frees what is behind a sender at the final answer, and crashes when it is asked about it
    afterwards. So every use of the sender holds the lock, and the final answer drops the sender.
    """

    def __init__(self, sender: pb_utils.InferenceResponseSender) -> None:
        """Answer through a request's own sender."""
        self._lock = threading.Lock()
        self._sender: pb_utils.InferenceResponseSender | None = sender

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this very request (not an ensemble around it).

        Never waits for an answer that another thread sends: a request that is answered, or about
        to be, is not cancelled.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._sender is not None and self._sender.is_cancelled()
        finally:
            self._lock.release()

    def succeed(self, job: Job) -> None:
        """Answer with the latents to decode and the full progress."""
        latents = np.ascontiguousarray(job.result[np.newaxis])
        self._send(
            pb_utils.InferenceResponse([pb_utils.Tensor(LATENTS, latents), _progress(job.progress)])
        )

    def report(self, progress: tuple[int, int]) -> None:
        """Answer a control request."""
        self._send(pb_utils.InferenceResponse([_progress(progress)]))

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""
        self._send(error_response(error))

    def _send(self, response: pb_utils.InferenceResponse) -> None:
        """Send the final answer; every later one is dropped."""
        with self._lock:
            sender, self._sender = self._sender, None
            if sender is None:
                return
            try:
                sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
            except Exception as error:  # the client has gone: nothing is left to tell anybody
                pb_utils.Logger.log_warn(f"an answer was not sent: {error}")


def _progress(progress: tuple[int, int]) -> pb_utils.Tensor:
    return pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))
