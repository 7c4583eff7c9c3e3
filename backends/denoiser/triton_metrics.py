"""The scheduler's counts as metrics of Triton's own `/metrics`."""

from __future__ import annotations

import threading
import time

import triton_python_backend_utils as pb_utils

from backends.denoiser.metrics import MEANINGS, PREFIX

# Each change of a metric is a round trip to Triton's process. A thread of its own makes them, off
# the way of requests, and not more often than this.
_PAUSE_S = 0.25


class TritonMetrics:
    """Metrics of one model version. Triton forgets a metric whose family is garbage: keep both."""

    def __init__(self, labels: dict[str, str]) -> None:
        """Register the metrics under `labels`."""
        self._labels = labels
        self._families: list[pb_utils.MetricFamily] = []
        self._values: list[_Value] = []
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._active, self._pending = self._metric("active"), self._metric("pending")
        self._cancelled = self._metric("cancelled_total")
        self._failed = self._metric("failed_total")
        self._steps = self._metric("steps_total")
        self._rows = self._metric("step_rows_total")
        self._seconds = self._metric("step_seconds_total")
        self._is_closed = False
        self._teller = threading.Thread(target=self._tell_forever, name="metrics", daemon=True)
        self._teller.start()

    def close(self) -> None:
        """Report the rest, then let go of every metric.

        A metric tells Triton's process when it is deleted. One that is left until the interpreter
        exits finds that link closed, and the process crashes.
        """
        self._is_closed = True
        self._changed.set()
        self._teller.join()
        for value in self._values:
            value.release()
        self._families.clear()

    def queued(self, active: int, pending: int) -> None:
        """Take the number of jobs that have begun and of those that have not."""
        self._active.value, self._pending.value = active, pending
        self._changed.set()

    def stepped(self, rows: int, seconds: float) -> None:
        """Count one transformer call."""
        with self._lock:
            self._steps.value += 1
            self._rows.value += rows
            self._seconds.value += seconds
        self._changed.set()

    def cancelled(self) -> None:
        """Count a job whose client gave up."""
        with self._lock:
            self._cancelled.value += 1
        self._changed.set()

    def failed(self) -> None:
        """Count a job that ended with any other error."""
        with self._lock:
            self._failed.value += 1
        self._changed.set()

    def _tell_forever(self) -> None:
        while not self._is_closed:
            self._changed.wait()
            self._changed.clear()
            for value in self._values:
                value.tell()
            time.sleep(_PAUSE_S)

    def _metric(self, name: str) -> _Value:
        kind, meaning = MEANINGS[name]
        kinds = {
            "counter": pb_utils.MetricFamily.COUNTER,
            "gauge": pb_utils.MetricFamily.GAUGE,
        }
        family = pb_utils.MetricFamily(
            name=f"{PREFIX}{name}", description=meaning, kind=kinds[kind]
        )
        self._families.append(family)
        value = _Value(family.Metric(labels=self._labels), is_counter=kind == "counter")
        self._values.append(value)
        return value


class _Value:
    """A metric's value, and how much of it Triton was told."""

    def __init__(self, metric: pb_utils.Metric, *, is_counter: bool) -> None:
        self._metric: pb_utils.Metric | None = metric
        self._is_counter = is_counter
        self._told = 0.0
        self.value = 0.0

    def tell(self) -> None:
        value = self.value
        if value == self._told or self._metric is None:
            return
        if self._is_counter:
            self._metric.increment(value - self._told)
        else:
            self._metric.set(value)
        self._told = value

    def release(self) -> None:
        self._metric = None
