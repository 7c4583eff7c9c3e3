"""`python -m benchmarks`: everything, or a part."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import (
    curves,
    ensemble,
    frontend_cost,
    goodput,
    memory,
    overhead,
    overload,
    promises,
    readme,
    rest,
    speech,
    speech_cost,
    tracing_cost,
)
from benchmarks.drive import Refused
from benchmarks.fleet import measure as fleet
from benchmarks.fleet import measure_in_memory as fleet_in_memory
from benchmarks.peers import checkpoint as weights
from benchmarks.peers.same_work import OtherWork
from benchmarks.perf_analyzer import Unavailable
from benchmarks.processes import NotReady
from benchmarks.progress import say
from benchmarks.readme import NoMarkers
from benchmarks.report import RESULTS, NoResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Quick = Annotated[bool, typer.Option(help="Few requests: to see that it works, not to quote.")]
Checkpoint = Annotated[
    Path,
    typer.Option(help="Diffusers folder that the peers serve; ours serves the same weights."),
]
Minutes = Annotated[float, typer.Option(min=1, help="How long; a quick run takes one.")]
Only = Annotated[
    list[str] | None,
    typer.Option(help="A server by its key (fastapi, …, tritone); may be repeated."),
]


@app.callback()
def _options() -> None:
    """Measure the product; results go to benchmarks/results/ as JSON, Markdown and plots.

    Each part starts a stack of its own on free ports, with a temporary state, and stops it. Run
    parts one by one, or `all`; `readme` writes the tables into docs/benchmarks.md.
    """


@app.command("promises")
def _promises(quick: Quick = False) -> None:
    """Installation, start, latency, overhead, memory."""
    promises.measure(quick=quick)


@app.command("frontend-cost")
def _frontend_cost(quick: Quick = False) -> None:
    """Processor time of the frontend for one clip, by format."""
    frontend_cost.measure(quick=quick)


@app.command("tracing-cost")
def _tracing_cost(quick: Quick = False) -> None:
    """Requests per second with and without traces."""
    tracing_cost.measure(quick=quick)


@app.command("triton")
def _triton(quick: Quick = False) -> None:
    """perf_analyzer against the ensemble: clients, and Poisson arrivals."""
    ensemble.measure(quick=quick)


@app.command("http")
def _http(quick: Quick = False) -> None:
    """The REST contracts: closed loop, and Poisson arrivals."""
    rest.measure(quick=quick)


@app.command("peers")
def _peers(
    checkpoint: Checkpoint = weights.DEFAULT, quick: Quick = False, only: Only = None
) -> None:
    """FastAPI + diffusers, LitServe, PyTriton and ours, side by side on the same weights."""
    from benchmarks.peers import run  # noqa: PLC0415 - only this part needs a checkpoint

    if unknown := {*(only or ())} - {*run.KEYS}:
        raise typer.BadParameter(f"--only {unknown.pop()}: choose from {', '.join(run.KEYS)}")
    run.measure(checkpoint, quick=quick, only=only or ())


@app.command("curves")
def _curves(quick: Quick = False) -> None:
    """Latency and throughput against clients, seconds, steps and repeated prompts."""
    curves.measure(quick=quick)


@app.command("overhead")
def _overhead(quick: Quick = False) -> None:
    """Throughput lost outside the networks."""
    overhead.measure(quick=quick)


@app.command("goodput")
def _goodput(quick: Quick = False) -> None:
    """How much load is served within the SLO: p95 of 5 s clips within 3 s at 70 % of capacity."""
    goodput.measure(quick=quick)


@app.command("speech")
def _speech(quick: Quick = False) -> None:
    """Speech: first audio, throughput, and FastAPI + hibari beside it."""
    speech.measure(quick=quick)


@app.command("speech-cost")
def _speech_cost(quick: Quick = False) -> None:
    """Where the processor time of speech goes: the voice, the encoder, the rest."""
    speech_cost.measure(quick=quick)


@app.command("overload")
def _overload(quick: Quick = False, minutes: Minutes = 10.0) -> None:
    """Twice the load that can be served, for minutes: latency, refusals, memory."""
    overload.measure(quick=quick, minutes=minutes)


@app.command("fleet")
def _fleet(
    quick: Quick = False,
    seconds: Annotated[float, typer.Option(min=10, help="Of the simulation.")] = 60.0,
    slowness: Annotated[
        float, typer.Option(min=1, help="Of its clock; more on a busy machine.")
    ] = 4.0,
) -> None:
    """50 stub Tritons under 20 frontends, three of them sick: p95, fairness, ejection, looks."""
    fleet.measure(quick=quick, seconds=seconds, slowness=slowness)


@app.command("fleet-in-memory")
def _fleet_in_memory(quick: Quick = False) -> None:
    """The same without gRPC, on a clock that jumps: what the rules do, on any machine alike."""
    fleet_in_memory.measure(quick=quick)


@app.command("memory")
def _memory(quick: Quick = False) -> None:
    """Memory of the whole stack over thousands of sounds."""
    memory.measure(quick=quick)


@app.command("all")
def _all(checkpoint: Checkpoint = weights.DEFAULT, quick: Quick = False) -> None:
    """Every part but the long ones; one that fails is named in the end and can be run alone."""
    failed = []
    for part in (promises, overhead, frontend_cost, ensemble, rest, curves, goodput):
        try:
            part.measure(quick=quick)
        except RuntimeError as error:  # not ready, refused, or a tool that cannot run here
            failed.append(f"{part.__name__}: {error}")
            say(failed[-1])
    try:
        _peers(checkpoint, quick)
    except weights.NoCheckpoint as error:
        say(f"skipped: peers: {error}")
    if failed:
        raise NoResult("these parts failed:\n" + "\n".join(failed))


@app.command("readme")
def _readme(
    file: Annotated[Path, typer.Option(help="The file with the markers.")] = readme.PAGE,
    results: Annotated[Path, typer.Option(help="Where the JSON files lie.")] = RESULTS,
) -> None:
    """Write the tables between the markers of `docs/benchmarks.md`."""
    readme.update(file, results)


def main() -> None:
    """Run; expected failures are one line."""
    # So that a `kill` stops the servers that were started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except (
        NotReady,
        NoResult,
        NoMarkers,
        OtherWork,
        Refused,
        Unavailable,
        weights.NoCheckpoint,
    ) as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
