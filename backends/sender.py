"""The answers to one request of a decoupled model, safe to use from any thread."""

from __future__ import annotations

import threading

import triton_python_backend_utils as pb_utils


class GuardedSender:
    """A response sender that is never touched after its final answer.

    Triton frees what is behind a sender at the final answer, and crashes when it is asked about it
    afterwards. So every use of the sender holds the lock, and the final answer drops the sender.
    """

    def __init__(self, sender: pb_utils.InferenceResponseSender) -> None:
        """Answer through a request's own sender."""
        self._lock = threading.Lock()
        self._sender: pb_utils.InferenceResponseSender | None = sender

    def is_cancelled(self) -> bool:
        """Return whether the client cancelled this very request (not an ensemble around it).

        Never waits for an answer that another thread sends: a request that is answered, or is just
        being answered, counts as not cancelled.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._sender is not None and self._sender.is_cancelled()
        finally:
            self._lock.release()

    def send(self, response: pb_utils.InferenceResponse | None, *, is_final: bool = True) -> None:
        """Send an answer, or None: only that it was the last; drop it behind the final one.

        Never raises.
        """
        with self._lock:
            sender = self._sender
            if sender is None:
                return
            if is_final:
                self._sender = None
            flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if is_final else 0
            try:
                if response is None:
                    sender.send(flags=flags)
                else:
                    sender.send(response, flags=flags)
            except Exception as error:  # the client has gone: nothing is left to tell anybody
                pb_utils.Logger.log_warn(f"an answer was not sent: {error}")
