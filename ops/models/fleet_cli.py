"""`tritone models … --fleet` and `follow`: every Triton of the pool."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ops.models import terminal
from ops.models.actions import LOOK_TAKES_S, Operator, Say
from ops.models.errors import ModelsError
from ops.models.fleet import Fleet
from ops.models.fleet_store import FleetStore
from ops.models.repository import Repository
from ops.settings import Settings, load_settings
from ops.triton.control import TritonControl
from tritone.addresses import Unresolved, parse, resolve
from tritone.fleet import Wanted

FILE = "fleet.json"
_LOOKUP_TIMEOUT_S = 5.0

Result = TypeVar("Result")
Act = Callable[[Fleet], Awaitable[Wanted]]


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What a command was told."""

    url: str | None
    repository: Path | None
    timeout_s: float
    needs_fingerprint: bool = True


def change_fleet(options: FleetOptions, act: Act, *, is_json: bool) -> None:
    """Carry out a change at every Triton and show what the fleet serves then."""

    async def run() -> Wanted:
        with terminal.progress(is_json=is_json) as say:
            return await _with_fleet(options, act, say)

    try:
        wanted = asyncio.run(run())
    except ModelsError as error:
        terminal.complain(str(error))
        raise typer.Exit(1) from None
    candidates = {str(v): share for v, share in wanted.lineup.candidates.items()}
    if is_json:
        terminal.show_json({"version": wanted.version, "candidates": candidates})
    else:
        shares = "".join(f", and sends {s:.0%} to version {v}" for v, s in candidates.items())
        terminal.say(f"every Triton serves version {wanted.version}{shares}")


def follow_command(  # noqa: PLR0913, PLR0917 -- every parameter is an option
    url: Annotated[str | None, typer.Option(metavar="HOST:PORT,…", help="The Tritons.")] = None,
    repository: Annotated[
        Path | None, typer.Option(help="Their model repository, or a copy: for manifests.")
    ] = None,
    no_fingerprint: Annotated[bool, typer.Option("--no-fingerprint")] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    period_s: Annotated[float, typer.Option("--period", min=0.1, help="Seconds.")] = 2.0,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds that one load may take.")
    ] = 600.0,
) -> None:
    """Let Tritons that are new or were restarted serve what the fleet does, until stopped."""
    options = FleetOptions(url, repository, timeout_s, not no_fingerprint)

    async def look() -> None:
        for line in await _with_fleet(options, lambda fleet: fleet.follow(), terminal.say):
            terminal.say(line)

    async def keep_looking() -> None:
        while True:
            try:
                await look()
            except ModelsError as error:
                terminal.complain(str(error))
                if once:
                    raise typer.Exit(1) from None
            if once:
                return
            await asyncio.sleep(period_s)

    if not once:  # a container's first process is not ended by SIGTERM, unless it asks for it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        asyncio.run(keep_looking())


async def _with_fleet(
    options: FleetOptions, use: Callable[[Fleet], Awaitable[Result]], say: Say
) -> Result:
    settings = load_settings()
    store = FleetStore(_find_state(settings, options))
    repository = _find_repository(options)
    look_s = settings.triton.refresh_s + LOOK_TAKES_S
    async with AsyncExitStack() as stack:
        operators = {}
        for address in await _look_up(options.url or settings.triton.url):
            control = TritonControl(address)
            stack.push_async_callback(control.close)
            operators[address] = Operator(
                control=control,
                repository=repository,
                timeout_s=options.timeout_s,
                look_s=look_s,
                needs_fingerprint=options.needs_fingerprint,
                say=say,
            )
        return await use(Fleet(operators=operators, store=store, look_s=look_s, say=say))


async def _look_up(url: str | None) -> tuple[str, ...]:
    if url is None:
        raise ModelsError(
            "which Tritons? Set TRITONE_TRITON__URL as the frontends have it, or give --url"
        )
    try:
        return await resolve(parse(url), _LOOKUP_TIMEOUT_S)
    except (ValueError, Unresolved) as error:
        raise ModelsError(str(error)) from error


def _find_state(settings: Settings, options: FleetOptions) -> str:
    if settings.triton.fleet is not None:
        return settings.triton.fleet
    if options.repository is None:
        raise ModelsError(
            "where is it stated what the fleet serves? Set TRITONE_TRITON__FLEET to a file or "
            "s3://… as the frontends have it, or give --repository"
        )
    return str(options.repository.absolute() / FILE)


def _find_repository(options: FleetOptions) -> Repository | None:
    if options.repository is None:
        return None
    if not options.repository.is_dir():
        raise ModelsError(f"there is no model repository at {options.repository}")
    return Repository(options.repository.absolute())
