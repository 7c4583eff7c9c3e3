"""The scheduler's counts as metrics of Triton's own `/metrics`."""

from __future__ import annotations

import triton_python_backend_utils as pb_utils

# Upper bounds in s: from a tiny transformer on a CPU to a large one in a full batch.
_STEP_SECONDS_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]


class TritonMetrics:
    """Metrics of one model version. Triton forgets a metric whose family is garbage: keep both."""

    def __init__(self, labels: dict[str, str]) -> None:
        """Register the metrics under `labels`."""
        self._labels = labels
        self._families: list[pb_utils.MetricFamily] = []
        gauge, counter = pb_utils.MetricFamily.GAUGE, pb_utils.MetricFamily.COUNTER
        self._active = self._metric("active", "Requests in the running batch", gauge)
        self._pending = self._metric("pending", "Requests that wait for a row", gauge)
        self._steps = self._metric("steps_total", "Transformer calls", counter)
        self._rows = self._metric("step_rows_total", "Rows of all transformer calls", counter)
        self._cancelled = self._metric("cancelled_total", "Requests that were cancelled", counter)
        self._failed = self._metric("failed_total", "Requests that failed", counter)
        self._seconds = self._family(
            "step_seconds", "Duration of a transformer call", pb_utils.MetricFamily.HISTOGRAM
        ).Metric(labels=labels, buckets=_STEP_SECONDS_BUCKETS)

    def queued(self, active: int, pending: int) -> None:
        """Take the number of jobs in the batch and of those waiting for a row."""
        self._active.set(active)
        self._pending.set(pending)

    def stepped(self, rows: int, seconds: float) -> None:
        """Count one transformer call."""
        self._steps.increment(1)
        self._rows.increment(rows)
        self._seconds.observe(seconds)

    def cancelled(self) -> None:
        """Count a job whose client gave up."""
        self._cancelled.increment(1)

    def failed(self) -> None:
        """Count a job that ended with any other error."""
        self._failed.increment(1)

    def _family(self, name: str, description: str, kind: int) -> pb_utils.MetricFamily:
        family = pb_utils.MetricFamily(
            name=f"tritone_denoiser_{name}", description=description, kind=kind
        )
        self._families.append(family)
        return family

    def _metric(self, name: str, description: str, kind: int) -> pb_utils.Metric:
        return self._family(name, description, kind).Metric(labels=self._labels)
