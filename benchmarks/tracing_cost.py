"""What traces cost: two frontends side by side, one of which sends its spans to a collector.

The collector only reads what it gets; it runs in this process, on the same cores.
"""

import asyncio
import statistics
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import psutil

from benchmarks.frontend_cost import cpu_s, frontend
from benchmarks.load import closed_loop
from benchmarks.progress import track
from benchmarks.report import Table, write

_CONCURRENCY = 4
_WARM_UP = 20
_WAYS = ("without", "with")

Ask = Callable[[httpx2.AsyncClient, int], Awaitable[httpx2.Response]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of request, one way; medians over the rounds."""

    request: str
    traces: str
    requests_per_s: float
    cpu_ms: float  # of the frontend's process for one request
    n_failed: int


async def _models(client: httpx2.AsyncClient, _index: int) -> httpx2.Response:
    return await client.get("/v1/models")


async def _clip(client: httpx2.AsyncClient, index: int) -> httpx2.Response:
    body = {"input": "rain", "audio_length": 5.0, "seed": index, "response_format": "wav"}
    return await client.post("/v1/audio/generate", json=body)


REQUESTS: dict[str, tuple[Ask, int]] = {  # with how many of it make a round
    "GET /v1/models": (_models, 1000),
    "POST /v1/audio/generate, 5 s, wav": (_clip, 100),
}


def measure(*, quick: bool) -> None:
    """Measure both ways in turn, several rounds."""
    n_rounds = 1 if quick else 5
    with (
        _collector() as collector,
        frontend() as plain,
        frontend(OTEL_EXPORTER_OTLP_ENDPOINT=collector) as traced,
    ):
        servers = dict(zip(_WAYS, (plain, traced), strict=True))
        costs = [
            cost
            for name in track(list(REQUESTS), "tracing: requests")
            for cost in _compare(name, servers, n_rounds, quick=quick)
        ]
    write("tracing_cost", [asdict(cost) for cost in costs], [table(costs)], quick=quick)


def _compare(
    name: str, servers: dict[str, tuple[str, psutil.Process]], n_rounds: int, *, quick: bool
) -> list[Cost]:
    ask, n_requests = REQUESTS[name]
    n_requests = n_requests // 10 if quick else n_requests
    rounds: dict[str, list[_Round]] = {way: [] for way in _WAYS}
    for _ in range(n_rounds):
        for way in _WAYS:
            rounds[way].append(asyncio.run(_round(ask, *servers[way], n_requests)))
    return [
        Cost(
            request=name,
            traces=way,
            requests_per_s=statistics.median(each.requests_per_s for each in rounds[way]),
            cpu_ms=statistics.median(each.cpu_ms for each in rounds[way]),
            n_failed=sum(each.n_failed for each in rounds[way]),
        )
        for way in _WAYS
    ]


@dataclass(frozen=True, slots=True)
class _Round:
    requests_per_s: float
    cpu_ms: float
    n_failed: int


async def _round(ask: Ask, url: str, process: psutil.Process, n_requests: int) -> _Round:
    async with httpx2.AsyncClient(base_url=url, timeout=60.0) as client:

        async def send(index: int) -> int:
            return (await ask(client, index)).status_code

        await closed_loop(send, n_requests=_WARM_UP, concurrency=_CONCURRENCY)
        before = cpu_s(process)
        run = await closed_loop(send, n_requests=n_requests, concurrency=_CONCURRENCY)
        used_s = cpu_s(process) - before
    return _Round(
        requests_per_s=n_requests / run.wall_s,
        cpu_ms=1e3 * used_s / n_requests,
        n_failed=sum(not answer.is_good for answer in run.answers),
    )


def table(costs: list[Cost]) -> Table:
    """Return one row for each kind of request and way."""
    columns = ("request", "traces", "requests/s", "CPU ms a request", "failed")
    rows = tuple(
        (cost.request, cost.traces, cost.requests_per_s, cost.cpu_ms, cost.n_failed)
        for cost in costs
    )
    return Table("The frontend with and without traces, Triton's work left out", columns, rows)


@contextmanager
def _collector() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
