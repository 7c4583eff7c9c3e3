"""`python -m benchmarks`: the table of the product's promises, measured on this machine."""

import statistics
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.installation import fresh_installation
from benchmarks.report import Row, to_markdown, write
from benchmarks.requests import Client, Timing
from benchmarks.stack import Stack, running_stack

CLIP_SECONDS = 5.0
PROMPT = "rain falling on a tin roof"
LOG = Path("run/benchmark.log")


def _timings(stack: Stack, n_requests: int) -> list[Timing]:
    client = Client(stack.url, stack.grpc_url)
    try:
        # The first request of a shape pays its allocations.
        model = client.generate(PROMPT, CLIP_SECONDS, 0).headers["x-tritone-model"]
        seeds = track(range(n_requests), description="sounds", console=Console(stderr=True))
        return [client.timed(PROMPT, CLIP_SECONDS, seed, model=model) for seed in seeds]
    finally:
        client.close()


def _serving_rows(n_requests: int) -> list[Row]:
    LOG.parent.mkdir(exist_ok=True)
    with running_stack(LOG) as stack:
        timings = _timings(stack, n_requests)
        memory_gb = stack.memory_bytes() / 1e9
    wall_s = statistics.median(t.wall_s for t in timings)
    overhead_ms = 1e3 * statistics.median(t.overhead_s for t in timings)
    return [
        Row("`make serve` (installed) to ready", stack.ready_s, "s", 15),
        Row("5 s of sound, default steps, one client, p50", wall_s, "s", 5),
        Row("everything but the networks, p50", overhead_ms, "ms", 30),
        Row("memory of the whole stack (PSS)", memory_gb, "GB", 2.5),
    ]


def _installation_rows() -> list[Row]:
    fresh = fresh_installation()
    return [
        Row("install on a fresh machine, serving extras", fresh.seconds, "s", 180),
        Row("size of the installation", fresh.n_bytes / 1e9, "GB", 1),
    ]


def main(
    n_requests: Annotated[int, typer.Option(help="sounds to time")] = 10,
    install: Annotated[bool, typer.Option(help="also time a fresh installation")] = True,
    output: Annotated[Path, typer.Option(help="where the JSON goes; a .md lies beside it")] = Path(
        "benchmarks/results/promises.json"
    ),
) -> None:
    """Measure installation, start, latency, overhead and memory, and print the table."""
    rows = [*(_installation_rows() if install else []), *_serving_rows(n_requests)]
    write(rows, output)
    typer.echo(to_markdown(rows))


if __name__ == "__main__":
    typer.run(main)
