"""How the versions of a model do under live traffic, from the metrics of the frontends."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from ops.models.errors import ModelsError
from ops.processes.http import open_directly

_TIMEOUT_S = 5.0
_SECONDS = "tritone_pass_duration_seconds"
_LOUDNESS = "tritone_pass_loudness_dbfs"
_FAILURES = "tritone_candidate_failures"
_SILENT = "tritone_pass_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One version since its frontends started."""

    version: str
    passes: int  # finished
    failures: int
    silent: int
    p50_seconds: float | None  # interpolated within its bucket, as Prometheus does
    p95_seconds: float | None
    mean_seconds: float | None
    loudness_dbfs: float | None  # median, interpolated likewise

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


def compare(frontends: Iterable[str], model: str) -> list[Figures]:
    """Return the figures of every version that answered, summed over frontends.

    Raises:
        ModelsError: a frontend does not answer.
    """
    totals: _Totals = defaultdict(lambda: defaultdict(float))
    for url in frontends:
        for family in text_string_to_metric_families(_read(url)):
            _add(totals, family, model)
    return [_figures(version, totals[version]) for version in sorted(totals, key=_number)]


_Totals = defaultdict[str, defaultdict[tuple[str, float], float]]
"""By version, then by metric and bucket (NaN-free; 0 where there are no buckets)."""


def _number(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (1 << 62, version)


def _read(url: str) -> str:
    address = url if url.startswith(("http://", "https://")) else f"http://{url}"
    try:
        with open_directly(f"{address.rstrip('/')}/metrics", _TIMEOUT_S) as answer:
            text: str = answer.read().decode()
    except OSError as error:
        raise ModelsError(f"the frontend at {url} does not answer: {error}") from error
    return text


def _add(totals: _Totals, family: Metric, model: str) -> None:
    if family.name not in {_SECONDS, _LOUDNESS, _FAILURES, _SILENT}:
        return
    for sample in family.samples:
        if sample.labels.get("model") == model and not sample.name.endswith("_created"):
            bound = float(sample.labels.get("le", 0))
            totals[sample.labels["version"]][sample.name, bound] += sample.value


def _figures(version: str, found: defaultdict[tuple[str, float], float]) -> Figures:
    passes = found[f"{_SECONDS}_count", 0]
    return Figures(
        version=version,
        passes=int(passes),
        failures=int(found[f"{_FAILURES}_total", 0]),
        silent=int(found[f"{_SILENT}_total", 0]),
        p50_seconds=_quantile(found, _SECONDS, 0.5),
        p95_seconds=_quantile(found, _SECONDS, 0.95),
        mean_seconds=found[f"{_SECONDS}_sum", 0] / passes if passes else None,
        loudness_dbfs=_quantile(found, _LOUDNESS, 0.5),
    )


def _quantile(
    found: defaultdict[tuple[str, float], float], name: str, share: float
) -> float | None:
    buckets = sorted((b, n) for (metric, b), n in found.items() if metric == f"{name}_bucket")
    total = buckets[-1][1] if buckets else 0
    if not total:
        return None
    k = next(i for i, (_, n) in enumerate(buckets) if n >= share * total)
    upper, n_upper = buckets[k]
    # The first bucket has no lower bound, but 0 where all values are positive.
    lower, n_lower = buckets[k - 1] if k else (min(0.0, upper), 0.0)
    if upper == float("inf") or n_upper == n_lower:
        return lower
    return lower + (upper - lower) * (share * total - n_lower) / (n_upper - n_lower)
