"""`python -m benchmarks`: everything, or a part."""

from typing import Annotated

import typer

from benchmarks import frontend_cost, promises
from benchmarks.processes import NotReady
from benchmarks.report import NoResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Quick = Annotated[bool, typer.Option(help="Few requests: to see that it works, not to quote.")]


@app.callback()
def _options() -> None:
    """Measure the product; results go to benchmarks/results/ as JSON, Markdown and plots."""


@app.command("promises")
def _promises(quick: Quick = False) -> None:
    """Installation, start, latency, overhead, memory."""
    promises.measure(quick=quick)


@app.command("frontend-cost")
def _frontend_cost(quick: Quick = False) -> None:
    """Processor time of the frontend for one clip, by format."""
    frontend_cost.measure(quick=quick)


def main() -> None:
    """Run; expected failures are one line."""
    try:
        app()
    except (NotReady, NoResult) as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
