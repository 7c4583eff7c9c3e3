"""What is looked up when Prometheus asks: Triton, the job database, the disk of the files.

`python -m frontend.http.scrape` prints the table of docs/metrics.md.
"""

import asyncio
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from frontend.http.health import State
from frontend.jobs.gauges import DESCRIBED as OF_JOBS
from frontend.jobs.gauges import JobGauges
from frontend.jobs.startup import JobSystem
from frontend.observe.metrics import Described, Metrics
from frontend.storage.settings import StorageSettings

_PATIENCE_S = 3.0  # Prometheus gives up after 10 s, and then has nothing
_FREE = "tritone_storage_free_bytes"
_SIZE = "tritone_storage_size_bytes"
_MEANINGS = {
    _FREE: "Room left where finished files are kept; a local folder only.",
    _SIZE: "All room where finished files are kept; a local folder only.",
}
_LOOKED_UP = (
    *OF_JOBS,
    *(
        Described(name=name, kind="gauge", labels=(), meaning=meaning)
        for name, meaning in _MEANINGS.items()
    ),
)


class Scrape:
    """Brings the metrics that are asked for up to date."""

    def __init__(self, metrics: Metrics, storage: StorageSettings) -> None:
        """Register the collectors."""
        self._metrics = metrics
        self._triton_up = metrics.book.gauge(
            "tritone_triton_up", "1 where Triton answers and serves a model, else 0."
        )
        self._model_ready = metrics.book.gauge(
            "tritone_model_ready",
            "1 for a served model, 0 for one that is away or makes no sounds any more.",
            "model",
        )
        self._jobs = JobGauges()
        metrics.registry.register(self._jobs)
        if "://" not in storage.url:
            metrics.registry.register(_Disk(Path(storage.url)))

    async def exposition(self, state: State, jobs: JobSystem | None) -> bytes:
        """Return the text that Prometheus reads, with Triton as in `state`."""
        self._triton_up.set(bool(state.models))
        self._model_ready.clear()  # a model that is gone for good shall not stay at 0
        for model in state.models:
            self._model_ready.labels(model).set(1)
        for model in (*state.away, *state.stopped):
            self._model_ready.labels(model).set(0)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._jobs.refresh(jobs)
        except TimeoutError:
            self._jobs.forget()
        return self._metrics.exposition()


class _Disk(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> Iterator[Metric]:
        for name, meaning in _MEANINGS.items():
            yield GaugeMetricFamily(name, meaning)

    def collect(self) -> Iterator[Metric]:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:  # nothing was written yet
            return
        yield GaugeMetricFamily(_FREE, _MEANINGS[_FREE], value=usage.free)
        yield GaugeMetricFamily(_SIZE, _MEANINGS[_SIZE], value=usage.total)


def list_described() -> tuple[Described, ...]:
    """Return every metric of ours that a frontend or a worker may export."""
    metrics = Metrics()
    Scrape(metrics, StorageSettings.model_validate({}))
    return (*metrics.book.described, *_LOOKED_UP)


def markdown_table(described: Sequence[Described]) -> str:
    """Return metrics, their kinds, labels and meanings as a Markdown table."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    for each in described:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown_table(list_described()))
