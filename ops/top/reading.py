"""Metrics of several processes at one moment."""

import http.client
import time
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 3.0
_MAX_BYTES = 16 << 20

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """One process that has metrics."""

    name: str  # frontend, worker or triton
    url: str

    @property
    def metrics_url(self) -> str:
        """Where its metrics are; a base address will do."""
        url = self.url if "://" in self.url else f"http://{self.url}"
        return url if url.endswith("/metrics") else f"{url.rstrip('/')}/metrics"


@dataclass(frozen=True, slots=True)
class Reading:
    """What all targets say."""

    at: float  # monotonic, in s
    problems: Mapping[Target, str | None]  # None: it answered
    samples: Mapping[str, list[tuple[Labels, float]]] = field(default_factory=dict)

    def without(self, label: str, value: str) -> "Reading":
        """Return the reading without the samples that have a label's value."""
        kept = {
            name: [sample for sample in samples if sample[0].get(label) != value]
            for name, samples in self.samples.items()
        }
        return Reading(self.at, self.problems, kept)

    def values(self, name: str, **labels: str) -> list[tuple[Labels, float]]:
        """Return the samples of a name that have these labels."""
        return [
            (found, value)
            for found, value in self.samples.get(name, ())
            if labels.items() <= found.items()
        ]

    def sum(self, name: str, **labels: str) -> float | None:
        """Return the sum of all samples; None: there are none."""
        values = [value for _, value in self.values(name, **labels)]
        return sum(values) if values else None

    def max(self, name: str, **labels: str) -> float | None:
        """Return the largest sample; None: there are none."""
        return max((value for _, value in self.values(name, **labels)), default=None)

    def sums_by(self, name: str, *by: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Return sums by the values of some labels."""
        sums: dict[tuple[str, ...], float] = {}
        for found, value in self.values(name, **labels):
            key = tuple(found.get(label, "") for label in by)
            sums[key] = sums.get(key, 0.0) + value
        return sums


def read(targets: Iterable[Target]) -> Reading:
    """Ask all targets at once; one that does not answer is told, not raised."""
    targets = list(targets)
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as threads:
        answers = list(threads.map(_text, targets))
    problems: dict[Target, str | None] = {}
    samples: dict[str, list[tuple[Labels, float]]] = {}
    for target, (text, problem) in zip(targets, answers, strict=True):
        problems[target] = problem
        try:
            families = list(text_string_to_metric_families(text))
        except ValueError:
            problems[target] = "answers, but not with metrics"
            continue
        for family in families:
            for sample in family.samples:
                # Which process said it: a counter that begins anew is one process'.
                labels = {**sample.labels, "target": target.url}
                samples.setdefault(sample.name, []).append((labels, sample.value))
    return Reading(time.monotonic(), problems, samples)


def _text(target: Target) -> tuple[str, str | None]:
    try:
        with urllib.request.urlopen(target.metrics_url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 -- the user's own address
            return answer.read(_MAX_BYTES).decode(errors="replace"), None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return "", f"does not answer ({reason})"
