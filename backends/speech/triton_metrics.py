"""The speaker's counts as metrics of Triton's own `/metrics`."""

from __future__ import annotations

from backends.speech.metrics import MEANINGS, PREFIX
from backends.triton_metrics import MetricReporter


class TritonMetrics:
    """Metrics of one model version."""

    def __init__(self, labels: dict[str, str]) -> None:
        """Register the metrics under `labels`."""
        self._reported = MetricReporter(PREFIX, MEANINGS, labels)
        self.close = self._reported.close

    def set_queue(self, active: int, pending: int) -> None:
        """Take the number of jobs that have begun and of those that have not."""
        self._reported.set(active=active, pending=pending)

    def count_passage(self, seconds: float, audio_s: float) -> None:
        """Count a passage: how long it took, and how long it is."""
        self._reported.add(
            passages_total=1, passage_seconds_total=seconds, audio_seconds_total=audio_s
        )

    def count_cancelled(self) -> None:
        """Count a job whose client gave up."""
        self._reported.add(cancelled_total=1)

    def count_failed(self) -> None:
        """Count a job that ended with any other error."""
        self._reported.add(failed_total=1)
