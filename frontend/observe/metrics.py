"""Every metric of the frontend and of its workers, in a registry of their own.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters, and
labels whose values are few: never a prompt, a key, a job or a request.
`python -m frontend.http.scrape` prints the table of docs/metrics.md.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from tritone import __version__
from tritone.pcm import SILENCE_DBFS

# A line more for each counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_SHORT_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, *_SECONDS)
_LONG_SECONDS = (*_SECONDS, 900.0, 3600.0, 4 * 3600.0, 86400.0)
_LOUDNESS_DBFS = (-60.0, -50.0, -40.0, -35.0, -30.0, -25.0, -20.0, -15.0, -10.0, -5.0, 0.0)
_QUIETEST_DBFS = -120.0  # of digital silence, whose true level is no number

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the documentation says about one metric."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str


class Book:
    """Makes metrics and remembers what it made."""

    def __init__(self) -> None:
        """Start empty."""
        self.registry = CollectorRegistry()
        self.described: list[Described] = []

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """Return a new counter; `name` is without its `_total`."""
        self._describe(f"{name}_total", "counter", labels, meaning)
        return Counter(name, meaning, labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """Return a new gauge."""
        self._describe(name, "gauge", labels, meaning)
        return Gauge(name, meaning, labels, registry=self.registry)

    def histogram(
        self, name: str, meaning: str, *labels: str, buckets: Sequence[float] = _SECONDS
    ) -> Histogram:
        """Return a new histogram."""
        self._describe(name, "histogram", labels, meaning)
        return Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)

    def _describe(self, name: str, kind: Kind, labels: tuple[str, ...], meaning: str) -> None:
        self.described.append(Described(name=name, kind=kind, labels=labels, meaning=meaning))


class Metrics:
    """Every metric, by name. One instance per process."""

    def __init__(self) -> None:
        """Register everything."""
        self.book = book = Book()
        self.registry = book.registry
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        book.gauge(
            "tritone_build_info", "1; the labels say what runs.", "version", "python"
        ).labels(__version__, platform.python_version()).set(1)
        self._add_http(book)
        self._add_generation(book)
        self._add_pool(book)
        self._add_versions(book)
        self._add_jobs(book)
        self._add_state(book)

    def _add_http(self, book: Book) -> None:
        self.http_requests = book.counter(
            "tritone_http_requests",
            "Requests, WebSockets included.",
            *("contract", "status", "model", "version"),
        )
        self.http_seconds = book.histogram(
            "tritone_http_request_duration_seconds",
            "Time until an answer's last byte.",
            "contract",
            buckets=_SHORT_SECONDS,
        )
        self.refused = book.counter(
            "tritone_refused",
            "Requests refused for want of room, by what was full.",
            *("contract", "reason"),
        )

    def _add_generation(self, book: Book) -> None:
        self.generation_seconds = book.histogram(
            "tritone_generation_duration_seconds",
            "Time until a request's PCM.",
            *("model", "version"),
        )
        self.first_chunk_seconds = book.histogram(
            "tritone_speech_first_chunk_duration_seconds",
            "Time until a text's first chunk.",
            *("model", "version"),
            buckets=_SHORT_SECONDS,
        )
        self.stage_seconds = book.histogram(
            "tritone_generation_stage_duration_seconds",
            "Time of each stage.",
            *("model", "stage"),
            buckets=_SHORT_SECONDS,
        )
        self.sound_seconds = book.counter(
            "tritone_sound_seconds", "Length of the sounds made.", "model", "version"
        )
        self.failures = book.counter(
            "tritone_generation_failures",
            "Generations that failed.",
            *("model", "error"),
        )
        self.cancelled = book.counter(
            "tritone_generation_cancelled",
            "Generations stopped because nobody waited any more.",
            "model",
        )

    def _add_pool(self, book: Book) -> None:
        self.passes_retried = book.counter(
            "tritone_passes_retried",
            "Passes tried again on another Triton.",
            *("model", "error"),
        )
        self.triton_ejections = book.counter(
            "tritone_triton_ejections",
            "Ejections of a Triton on which passes failed in a row.",
            "model",
        )

    def _add_versions(self, book: Book) -> None:
        self.pass_seconds = book.histogram(
            "tritone_pass_duration_seconds",
            "Time of a finished pass in Triton.",
            *("model", "version"),
            buckets=_SHORT_SECONDS,
        )
        self.candidate_failures = book.counter(
            "tritone_candidate_failures",
            "Passes that a candidate failed at.",
            *("model", "version", "error"),
        )
        self.pass_loudness = book.histogram(
            "tritone_pass_loudness_dbfs",
            "RMS level of finished passes.",
            *("model", "version"),
            buckets=_LOUDNESS_DBFS,
        )
        self.pass_silent = book.counter(
            "tritone_pass_silent", "Finished passes below -60 dBFS.", "model", "version"
        )

    def observe_pass(self, model: str, version: str, level_dbfs: float, seconds: float) -> None:
        """Count a pass that a version finished in so many seconds, and how loud it is."""
        labels = model, version
        self.pass_seconds.labels(*labels).observe(seconds)
        self.pass_loudness.labels(*labels).observe(max(level_dbfs, _QUIETEST_DBFS))
        self.pass_silent.labels(*labels).inc(level_dbfs < SILENCE_DBFS)

    def _add_jobs(self, book: Book) -> None:
        self.jobs_ended = book.counter(
            "tritone_jobs_ended", "Jobs that ended in this process.", "contract", "status"
        )
        self.job_seconds = book.histogram(
            "tritone_job_duration_seconds",
            "Time of a job, waiting and retries included.",
            "contract",
            buckets=_LONG_SECONDS,
        )
        self.jobs_requeued = book.counter(
            "tritone_jobs_requeued", "Attempts after which a job went back to the queue.", "reason"
        )
        self.webhook_attempts = book.counter(
            "tritone_webhook_attempts", "Attempts to deliver a webhook, by outcome.", "outcome"
        )
        self.webhook_seconds = book.histogram(
            "tritone_webhook_attempt_duration_seconds", "Time of one attempt to deliver a webhook."
        )

    def _add_state(self, book: Book) -> None:
        self._in_flight = book.gauge("tritone_passes_in_flight", "Passes that Triton works on.")
        self._waiting = book.gauge("tritone_passes_waiting", "Passes that wait for a slot.")
        self._tritons = book.gauge(
            "tritone_tritons", "Tritons of a pool: up, ejected, or away.", "state"
        )
        self._oldest = book.gauge(
            "tritone_passes_queue_age_seconds", "How long the oldest waiting pass has waited."
        )

    def watch(
        self,
        *,
        in_flight: Callable[[], float],
        waiting: Callable[[], float],
        queue_age_s: Callable[[], float],
    ) -> None:
        """Export numbers that somebody else keeps."""
        self._in_flight.set_function(in_flight)
        self._waiting.set_function(waiting)
        self._oldest.set_function(queue_age_s)

    def watch_tritons(self, count: Callable[[], Mapping[str, int]]) -> None:
        """Export how many Tritons of a pool are in each state."""
        for state in count():
            self._tritons.labels(state).set_function(partial(_get, count, state))

    def exposition(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)


def _get(count: Callable[[], Mapping[str, int]], state: str) -> float:
    return count()[state]
