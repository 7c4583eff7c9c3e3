"""What the scheduler counts, and what its metrics are called. Knows no Triton."""

from typing import Literal, Protocol

PREFIX = "tritone_denoiser_"
LABELS = ("model", "version")
MEANINGS: dict[str, tuple[Literal["counter", "gauge"], str]] = {
    "active": ("gauge", "Requests that have begun to be denoised."),
    "pending": ("gauge", "Requests that wait for their first step."),
    "cancelled_total": ("counter", "Requests that were cancelled."),
    "failed_total": ("counter", "Requests that ended with any other error."),
    "steps_total": ("counter", "Transformer calls."),
    "step_rows_total": ("counter", "Rows of all transformer calls."),
    "step_seconds_total": ("counter", "Time spent in transformer calls."),
}
"""Every metric without the prefix: its kind and its meaning. docs/metrics.md shows them."""


class Metrics(Protocol):
    """Where the scheduler counts; any thread may call any method at any time."""

    def set_queue(self, active: int, pending: int) -> None:
        """Set the number of jobs that have begun and of those that have not."""

    def count_step(self, rows: int, seconds: float) -> None:
        """Count one transformer call."""

    def count_cancelled(self) -> None:
        """Count a job whose client gave up."""

    def count_failed(self) -> None:
        """Count a job that ended with any other error."""
