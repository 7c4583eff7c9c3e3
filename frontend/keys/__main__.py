"""`python -m frontend.keys`, which `tritone keys` runs: make, list and revoke keys."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import structlog
import typer

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.errors import BackendUnavailable
from frontend.keys.creation import create_key
from frontend.keys.model import KeyLimits, choose_burst
from frontend.keys.pepper import load_pepper
from frontend.keys.report import format_json, format_table
from frontend.keys.secrets import find_id, parse_key, pepper_id
from frontend.keys.store import KeyStore
from frontend.settings import InvalidSettings, Settings, load_settings

_PATIENCE_S = 5.0
_RATES = 0.01, 1e6  # requests per minute
_MAX_BURST = 100_000
_MAX_IN_FLIGHT = 1000  # every slot taken is written with every request
_MAX_NAME_CHARS = 100

T = TypeVar("T")

app = typer.Typer(
    name="tritone keys",
    help="Make, list and revoke API keys.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point."""
    app()


def _name(text: str) -> str:
    name = text.strip()
    if parse_key(name) is not None:
        raise typer.BadParameter("this is a key, not a name")
    if not name.isprintable() or not 0 < len(name) <= _MAX_NAME_CHARS:
        raise typer.BadParameter(f"1 to {_MAX_NAME_CHARS} printable characters")
    return name


def _rate(rate: float | None) -> float | None:
    least, most = _RATES
    if rate is not None and not least <= rate <= most:  # not a number is out of bounds, too
        raise typer.BadParameter(f"{least:g} to {most:g}")
    return rate


@app.command("create")
def _create(
    name: Annotated[str, typer.Argument(parser=_name, help="Whose key it is, for the list.")],
    rate_per_minute: Annotated[
        float | None, typer.Option(callback=_rate, help="Requests; default: no limit.")
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=_MAX_BURST,
            help="Requests at once after a pause; default: those of ten seconds.",
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(min=1, max=_MAX_IN_FLIGHT, help="Requests being answered; default: no limit."),
    ] = None,
) -> None:
    """Make a key and show it once."""
    limits = KeyLimits(
        rate_per_minute=rate_per_minute,
        burst=burst or choose_burst(rate_per_minute),
        max_in_flight=max_in_flight,
    )

    async def create(store: KeyStore, settings: Settings) -> str:
        return await create_key(store, load_pepper(settings.keys), name, limits)

    # Alone on standard output, so that `KEY=$(tritone keys create …)` works.
    typer.echo(_run(create))
    typer.echo("Keep it: it is shown only this once.", err=True)


@app.command("list")
def _list(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show every key and its usage."""

    async def report(store: KeyStore, settings: Settings) -> str:
        ours = pepper_id(load_pepper(settings.keys))
        reports = await store.reports()
        return format_json(reports, ours) if as_json else format_table(reports, ours)

    typer.echo(_run(report))


@app.command("revoke")
def _revoke(key: Annotated[str, typer.Argument(help="Its id, or the key itself.")]) -> None:
    """End a key."""

    async def revoke(store: KeyStore, settings: Settings) -> float | None:
        key_id = find_id(key)
        is_known = key_id is not None and await store.revoke(key_id)
        return settings.keys.cache_s if is_known else None

    seconds_left = _run(revoke)
    if seconds_left is None:
        typer.echo("tritone: there is no such key; see `tritone keys list`", err=True)
        raise typer.Exit(1)
    typer.echo(f"Revoked; it works for at most {seconds_left:g} s more.", err=True)


def _run(command: Callable[[KeyStore, Settings], Awaitable[T]]) -> T:
    """Return what a command gives; end the program with one line where it cannot run."""
    # Standard output is for what was asked for; libraries' warnings go to standard error anyway.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        return asyncio.run(_run_on_database(command, load_settings()))
    except InvalidSettings as error:
        typer.echo(f"tritone: {error}", err=True)
        raise typer.Exit(2) from None
    except BackendUnavailable:  # the log has said why
        message = "TRITONE_JOBS__DATABASE_URL: the database cannot be reached"
        typer.echo(f"tritone: {message}", err=True)
        raise typer.Exit(1) from None


async def _run_on_database(
    command: Callable[[KeyStore, Settings], Awaitable[T]], settings: Settings
) -> T:
    if settings.jobs.database_url is None:
        raise InvalidSettings(
            "TRITONE_JOBS__DATABASE_URL: keys that can be made and revoked need a database; "
            "without one, set TRITONE_KEYS__STATIC"
        )
    url = settings.jobs.database_url.get_secret_value()
    database = Database(make_pool(url, 1, durable=True), _PATIENCE_S)
    try:
        await database.open()
        return await command(KeyStore(database), settings)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
