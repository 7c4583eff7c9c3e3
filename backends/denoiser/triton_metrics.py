"""The scheduler's counts as metrics of Triton's own `/metrics`."""

from __future__ import annotations

import time

import triton_python_backend_utils as pb_utils

from backends.denoiser.metrics import MEANINGS, PREFIX

# Each change of a metric is a round trip to Triton's process, as dear as everything else that a
# step costs beside the transformer; so steps are counted here and told now and then.
_FLUSH_S = 0.25


class TritonMetrics:
    """Metrics of one model version. Triton forgets a metric whose family is garbage: keep both."""

    def __init__(self, labels: dict[str, str]) -> None:
        """Register the metrics under `labels`."""
        self._labels = labels
        self._families: list[pb_utils.MetricFamily] = []
        self._active = self._metric("active")
        self._pending = self._metric("pending")
        self._cancelled = self._metric("cancelled_total")
        self._failed = self._metric("failed_total")
        self._steps = _Total(self._metric("steps_total"))
        self._rows = _Total(self._metric("step_rows_total"))
        self._seconds = _Total(self._metric("step_seconds_total"))
        self._queues = (0, 0)
        self._flushed_at = time.monotonic()

    def queued(self, active: int, pending: int) -> None:
        """Take the number of jobs in the batch and of those waiting for a row."""
        if (active, pending) != self._queues:
            self._queues = active, pending
            self._active.set(active)
            self._pending.set(pending)
            self._flush()

    def stepped(self, rows: int, seconds: float) -> None:
        """Count one transformer call."""
        self._steps.add(1)
        self._rows.add(rows)
        self._seconds.add(seconds)
        if time.monotonic() - self._flushed_at > _FLUSH_S:
            self._flush()

    def cancelled(self) -> None:
        """Count a job whose client gave up."""
        self._cancelled.increment(1)

    def failed(self) -> None:
        """Count a job that ended with any other error."""
        self._failed.increment(1)

    def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        for total in (self._steps, self._rows, self._seconds):
            total.flush()

    def _metric(self, name: str) -> pb_utils.Metric:
        kind, meaning = MEANINGS[name]
        kinds = {
            "counter": pb_utils.MetricFamily.COUNTER,
            "gauge": pb_utils.MetricFamily.GAUGE,
        }
        family = pb_utils.MetricFamily(
            name=f"{PREFIX}{name}", description=meaning, kind=kinds[kind]
        )
        self._families.append(family)
        return family.Metric(labels=self._labels)


class _Total:
    """A counter that is told in sums."""

    def __init__(self, metric: pb_utils.Metric) -> None:
        self._metric = metric
        self._untold = 0.0

    def add(self, value: float) -> None:
        self._untold += value

    def flush(self) -> None:
        told, self._untold = self._untold, 0.0
        if told:
            self._metric.increment(told)
