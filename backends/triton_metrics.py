"""Counts of a backend as metrics of Triton's own `/metrics`."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Mapping
from typing import Literal

import triton_python_backend_utils as pb_utils

# Each change of a metric is a round trip to Triton's process. A thread of its own makes them, off
# the way of requests, and not more often than this.
_PAUSE_S = 0.25


class MetricReporter:
    """Metrics of one model version, by name. Any thread may change them at any time."""

    def __init__(
        self,
        prefix: str,
        meanings: Mapping[str, tuple[Literal["counter", "gauge"], str]],
        labels: dict[str, str],
    ) -> None:
        """Register a metric `prefix` + name for each of the meanings, under `labels`."""
        kinds = {
            "counter": pb_utils.MetricFamily.COUNTER,
            "gauge": pb_utils.MetricFamily.GAUGE,
        }
        self._values: dict[str, _Value] = {}
        for name, (kind, meaning) in meanings.items():
            family = pb_utils.MetricFamily(
                name=f"{prefix}{name}", description=meaning, kind=kinds[kind]
            )
            metric = family.Metric(labels=labels)
            _keep_forever(family, metric)
            self._values[name] = _Value(metric, is_counter=kind == "counter")
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._is_closed = False
        self._reporter = threading.Thread(target=self._report_forever, name="metrics", daemon=True)
        self._reporter.start()

    def set(self, **values: float) -> None:
        """Take what metrics are now."""
        with self._lock:
            for name, value in values.items():
                self._values[name].value = value
        self._changed.set()

    def add(self, **values: float) -> None:
        """Count up."""
        with self._lock:
            for name, value in values.items():
                self._values[name].value += value
        self._changed.set()

    def close(self) -> None:
        """Report the rest, and nothing more."""
        self._is_closed = True
        self._changed.set()
        self._reporter.join()

    def _report_forever(self) -> None:
        while not self._is_closed:
            self._changed.wait()
            self._changed.clear()
            for value in self._values.values():
                value.report()
            time.sleep(_PAUSE_S)


class _Value:
    """A metric's value, and how much of it Triton was told."""

    def __init__(self, metric: pb_utils.Metric, *, is_counter: bool) -> None:
        self._metric = metric
        self._is_counter = is_counter
        self._reported = 0.0
        self.value = 0.0

    def report(self) -> None:
        value = self.value
        if value == self._reported:
            return
        if self._is_counter:
            self._metric.increment(value - self._reported)
        else:
            self._metric.set(value)
        self._reported = value


def _keep_forever(*objects: object) -> None:
    """Let nothing delete these objects of Triton's, not even the end of the interpreter.

    Triton 24.10 has one value for all metrics of equal name and labels, and frees it when one of
    them is deleted. A version that is loaded anew has the metrics of the instance before it: once
    those are deleted, each report writes into freed memory, until Triton crashes. And when the
    interpreter ends, the link to Triton is closed: to delete a metric then crashes the process.
    """
    for each in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
