"""What the scheduler counts. Knows no Triton."""

from typing import Protocol


class Metrics(Protocol):
    """Where the scheduler reports; only one of its threads does at a time."""

    def queued(self, active: int, pending: int) -> None:
        """Take the number of jobs in the batch and of those waiting for a row."""

    def stepped(self, rows: int, seconds: float) -> None:
        """Count one transformer call."""

    def cancelled(self) -> None:
        """Count a job whose client gave up."""

    def failed(self) -> None:
        """Count a job that ended with any other error."""
