"""The frontend's own metrics, in a registry of their own."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """Every metric, by name. One instance per application."""

    def __init__(self) -> None:
        """Register everything."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.http_requests = Counter(
            "tritone_http_requests",
            "Answered HTTP requests.",
            ["contract", "status"],
            registry=self.registry,
        )
        self.generation_seconds = Histogram(
            "tritone_generation_seconds",
            "Time from an accepted request to its finished sound, waiting included.",
            ["model"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.sound_seconds = Counter(
            "tritone_sound_seconds",
            "Length of the sounds delivered, in seconds.",
            ["model"],
            registry=self.registry,
        )
        self.failures = Counter(
            "tritone_generation_failures",
            "Generations that ended with an error, by its name.",
            ["error"],
            registry=self.registry,
        )
        self.overloaded = Counter(
            "tritone_overloaded", "Requests refused for want of room.", registry=self.registry
        )
        self.cancelled = Counter(
            "tritone_cancelled",
            "Generations stopped because nobody waited any more.",
            registry=self.registry,
        )

    def watch(self, *, in_flight: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Export two numbers that somebody else keeps."""
        Gauge(
            "tritone_in_flight", "Passes that Triton works on.", registry=self.registry
        ).set_function(in_flight)
        Gauge(
            "tritone_waiting", "Passes that wait for a slot.", registry=self.registry
        ).set_function(waiting)

    def exposition(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
