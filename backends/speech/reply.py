"""How the speaker answers over Triton's decoupled senders."""

from __future__ import annotations

import threading

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.errors import RequestFailed
from backends.speech.job import Chunk, Progress
from backends.triton import make_error_response
from tritone.speech_tensors import TIMINGS
from tritone.tensors import PCM, PROGRESS


class SenderReply:
    """The answers to one request. Any thread may use it; nothing follows the last answer.

    Triton frees what is behind a sender at the final answer, and crashes when it is asked about it
    afterwards. So every use of the sender holds the lock, and the final answer drops the sender.
    """

    def __init__(self, sender: pb_utils.InferenceResponseSender, outputs: set[str]) -> None:
        """Answer through a request's own sender with the outputs that it asks for; none: all.

        An ensemble asks for all: who wants no timings sets `wants_timings`.
        """
        self._lock = threading.Lock()
        self._sender: pb_utils.InferenceResponseSender | None = sender
        self._outputs = outputs
        self.wants_timings = not outputs or TIMINGS in outputs

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this request."""
        with self._lock:
            return self._sender is not None and self._sender.is_cancelled()

    def send(self, chunk: Chunk, *, is_last: bool) -> None:
        """Answer with a chunk."""
        tensors = [
            pb_utils.Tensor(PCM, np.ascontiguousarray(chunk.pcm[np.newaxis])),
            _progress(chunk.progress),
        ]
        if chunk.timings is not None:
            text = np.array([[chunk.timings.encode()]], np.object_)
            tensors.append(pb_utils.Tensor(TIMINGS, text))
        wanted = [each for each in tensors if not self._outputs or each.name() in self._outputs]
        self._send(pb_utils.InferenceResponse(wanted), is_last=is_last)

    def report(self, progress: Progress) -> None:
        """Answer a control request."""
        self._send(pb_utils.InferenceResponse([_progress(progress)]), is_last=True)

    def fail(self, error: RequestFailed) -> None:
        """End the answers with an error."""
        self._send(make_error_response(error), is_last=True)

    def finish(self) -> None:
        """End the answers without a further chunk."""
        self._send(None, is_last=True)

    def _send(self, response: pb_utils.InferenceResponse | None, *, is_last: bool) -> None:
        flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if is_last else 0
        with self._lock:
            sender = self._sender
            if sender is None:
                return
            if is_last:
                self._sender = None
            try:
                if response is None:
                    sender.send(flags=flags)
                else:
                    sender.send(response, flags=flags)
            except Exception as error:  # the client has gone: nothing is left to tell anybody
                pb_utils.Logger.log_warn(f"an answer was not sent: {error}")


def _progress(progress: Progress) -> pb_utils.Tensor:
    return pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))
