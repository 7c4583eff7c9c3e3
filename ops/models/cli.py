"""`tritone models`: the versions of the published models, and who answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from ops.errors import TritonCallFailed
from ops.models import terminal
from ops.models.actions import LOOK_TAKES_S, Operator
from ops.models.address import StackAddress, find_stack_address
from ops.models.errors import ModelsError
from ops.models.fleet import Fleet
from ops.models.fleet_cli import FleetOptions, change_fleet, follow_command
from ops.models.overview import Row, rows
from ops.models.removal import plan_removal, remove
from ops.models.served import first_line
from ops.models.smoke import Smoke
from ops.models.traffic import compare
from ops.settings import load_settings
from ops.triton.control import TritonControl

app = typer.Typer(
    help="List, try, promote and roll back versions of models, without dropping a request.\n\n"
    "Speaks to the running `tritone up`, or to the Triton of --url. What it changes is kept over a "
    "restart where the model repository is seen: the running stack's, or the one of --repository.",
    no_args_is_help=True,
)

Model = Annotated[str, typer.Argument(help="Name of the published model.")]
Version = Annotated[int, typer.Argument(min=1, help="Number of the version's folder.")]
Url = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="gRPC address of a Triton to speak to.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--repository",
        help="That Triton's model repository, or a copy: its manifests are read, and its "
        "config.pbtxt files kept up to date.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds that one load or one sound may take.")
]
NoFingerprint = Annotated[
    bool,
    typer.Option("--no-fingerprint", help="Try it although nothing says what it should answer."),
]
IsFleet = Annotated[
    bool,
    typer.Option(
        "--fleet",
        help="Do it at every Triton of TRITONE_TRITON__URL or --url, one after the other; where "
        "one refuses, at none.",
    ),
]
_TIMEOUT_S = 600.0

app.command("follow")(follow_command)

Result = TypeVar("Result")
Act = Callable[[Operator], Awaitable[Smoke | None]]


@app.command("list")
def _list(url: Url = None, repository: Folder = None, is_json: Json = False) -> None:
    """Show every version of every model: its state, and which one answers."""
    found = _rows(_address(url, repository), None)
    if is_json:
        terminal.show_json([row.to_dict() for row in found])
    else:
        terminal.show_rows(found)


@app.command("show")
def _show(
    model: Model,
    version: Annotated[int | None, typer.Argument(help="One version; else all.")] = None,
    url: Url = None,
    repository: Folder = None,
    is_json: Json = False,
) -> None:
    """Show what is known of a model's versions: size, precision, hashes, measured errors."""
    found = _rows(_address(url, repository), model)
    found = [row for row in found if version in {None, row.version}]
    if not found:
        _fail(f"{model} has no version {version}")
    if is_json:
        terminal.show_json([row.to_dict() for row in found])
        return
    for row in found:
        terminal.show_row(row)


@app.command("load")
def _load(  # noqa: PLR0913, PLR0917 -- every parameter is an option of the command line
    model: Model,
    version: Annotated[
        int | None, typer.Argument(min=1, help="Beside the one that serves; else the model.")
    ] = None,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
) -> None:
    """Load a model, or one of its versions beside the one that serves. It gets no requests."""

    async def act(operator: Operator) -> None:
        await operator.load(model, version)

    _run(_address(url, repository), model, act, _Manner(timeout_s=timeout_s, is_json=is_json))


@app.command("verify")
def _verify(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Annotated[int | None, typer.Argument(min=1, help="Else the one that serves.")] = None,
    url: Url = None,
    repository: Folder = None,
    no_fingerprint: NoFingerprint = False,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
) -> None:
    """Try a version with two prompts and its fingerprint; who answers does not change."""
    manner = _Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    _run(_address(url, repository), model, lambda operator: operator.verify(model, version), manner)


@app.command("promote")
def _promote(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Version,
    url: Url = None,
    repository: Folder = None,
    no_fingerprint: NoFingerprint = False,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Load a version, try it, and let it answer. The one before stays loaded for a rollback."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, not no_fingerprint)
        return change_fleet(options, lambda fleet: fleet.promote(model, version), is_json=is_json)

    async def act(operator: Operator) -> Smoke | None:
        return (await operator.promote(model, version))[1]

    manner = _Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    return _run(_address(url, repository), model, act, manner)


@app.command("rollback")
def _rollback(  # noqa: PLR0913, PLR0917
    model: Model,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Let the version before answer again, at once."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, needs_fingerprint=False)
        return change_fleet(options, lambda fleet: fleet.rollback(model), is_json=is_json)

    async def act(operator: Operator) -> None:
        await operator.rollback(model)

    return _run(
        _address(url, repository), model, act, _Manner(timeout_s=timeout_s, is_json=is_json)
    )


@app.command("canary")
def _canary(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Version,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the requests; 0: none, but it stays.")
    ] = 0.05,
    url: Url = None,
    repository: Folder = None,
    no_fingerprint: NoFingerprint = False,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Send a share of a model's requests to a version. End it by promote, or by unload."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, not no_fingerprint)
        over_all = partial(Fleet.canary, model=model, version=version, share=share)
        return change_fleet(options, over_all, is_json=is_json)

    async def act(operator: Operator) -> Smoke | None:
        return (await operator.canary(model, version, share))[1]

    manner = _Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    return _run(_address(url, repository), model, act, manner)


@app.command("compare")
def _compare(
    model: Model,
    frontend: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A frontend to ask, several times for several."),
    ] = None,
    is_json: Json = False,
) -> None:
    """Compare how a model's versions do under traffic: time, errors, loudness, silence."""
    try:
        frontends = frontend or [_address(None, None).frontend or ""]
        if not all(frontends):
            raise ModelsError("no frontend runs here; name one with --frontend URL")
        figures = compare(frontends, model)
        if not figures:
            raise ModelsError(
                f"no frontend has made anything with {model}; `tritone models list` shows what is "
                "served"
            )
    except ModelsError as error:
        _fail(str(error))
    if is_json:
        terminal.show_json([each.to_dict() for each in figures])
    else:
        terminal.show_figures(figures)


@app.command("unload")
def _unload(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Version,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = _TIMEOUT_S,
    is_json: Json = False,
) -> None:
    """Give back the memory of a version that does not serve; ends its canary."""

    async def act(operator: Operator) -> None:
        await operator.unload(model, version)

    _run(_address(url, repository), model, act, _Manner(timeout_s=timeout_s, is_json=is_json))


@app.command("rm")
def _rm(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Annotated[
        int | None, typer.Argument(min=1, help="One version; else the whole model.")
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = _TIMEOUT_S,
) -> None:
    """Delete a version that does not answer, or take a whole model out of service."""
    address = _address(url, repository)
    removal = _with_control(
        address, lambda control: plan_removal(control, address.repository, model, version)
    )
    if not is_sure:
        terminal.ask(f"delete {removal}, {terminal.format_size(removal.n_bytes)}?")

    async def act(control: TritonControl) -> None:
        with terminal.progress(is_json=False) as say:
            operator = Operator(
                control=control, repository=address.repository, timeout_s=timeout_s, say=say
            )
            await remove(operator, removal)

    _with_control(address, act)
    terminal.say(f"deleted {removal}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How a command is carried out."""

    timeout_s: float
    is_json: bool
    needs_fingerprint: bool = True


def _run(address: StackAddress, model: str, act: Act, manner: _Manner) -> None:
    async def run(control: TritonControl) -> tuple[Smoke | None, list[Row]]:
        with terminal.progress(is_json=manner.is_json) as say:
            operator = Operator(
                control=control,
                repository=address.repository,
                timeout_s=manner.timeout_s,
                look_s=load_settings().triton.refresh_s + LOOK_TAKES_S,
                needs_fingerprint=manner.needs_fingerprint,
                say=say,
            )
            smoke = await act(operator)
        return smoke, await rows(control, address.repository, model)

    smoke, found = _with_control(address, run)
    if manner.is_json:
        versions = [row.to_dict() for row in found]
        terminal.show_json({"smoke": asdict(smoke) if smoke else None, "versions": versions})
        return
    if smoke is not None:
        terminal.show_smoke(smoke)
    terminal.show_rows(found)
    if address.repository is None:
        terminal.complain("kept until that Triton restarts; to keep it longer give --repository")


def _rows(address: StackAddress, model: str | None) -> list[Row]:
    repository, device = address.repository, address.device
    return _with_control(address, lambda control: rows(control, repository, model, device))


def _with_control(
    address: StackAddress, use: Callable[[TritonControl], Awaitable[Result]]
) -> Result:
    async def run() -> Result:
        control = TritonControl(address.url)
        try:
            return await use(control)
        finally:
            await control.close()

    try:
        return asyncio.run(run())
    except ModelsError as error:
        _fail(str(error))
    except TritonCallFailed as error:
        _fail(first_line(str(error)))


def _address(url: str | None, repository: Path | None) -> StackAddress:
    try:
        return find_stack_address(load_settings(), url, repository)
    except ModelsError as error:
        _fail(str(error))


def _fail(reason: str) -> NoReturn:
    terminal.complain(reason)
    raise typer.Exit(1)
