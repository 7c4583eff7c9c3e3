"""How the speaker answers over Triton's decoupled senders."""

from __future__ import annotations

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.errors import RequestFailed
from backends.progress import Progress
from backends.sender import GuardedSender
from backends.speech.job import Chunk
from backends.triton import make_error_response
from tritone.speech_tensors import TIMINGS
from tritone.tensors import PCM, PROGRESS


class SenderReply:
    """The answers to one request. Any thread may use it; nothing follows the last answer."""

    def __init__(self, sender: pb_utils.InferenceResponseSender, outputs: set[str]) -> None:
        """Answer through a request's own sender with the outputs that it asks for; none: all.

        An ensemble asks for all: who wants no timings sets `wants_timings`.
        """
        self._sender = GuardedSender(sender)
        self._outputs = outputs
        self.wants_timings = not outputs or TIMINGS in outputs

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this very request (not an ensemble around it)."""
        return self._sender.is_cancelled()

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
        self._sender.send(pb_utils.InferenceResponse(wanted), is_final=is_last)

    def report(self, progress: Progress) -> None:
        """Answer a control request."""
        self._sender.send(pb_utils.InferenceResponse([_progress(progress)]))

    def fail(self, error: RequestFailed) -> None:
        """End the answers with an error."""
        self._sender.send(make_error_response(error))

    def finish(self) -> None:
        """End the answers without a further chunk."""
        self._sender.send(None)


def _progress(progress: Progress) -> pb_utils.Tensor:
    return pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))
