"""`tritone models`: the versions of the published models, and who answers."""

from functools import partial
from typing import Annotated

import typer

from ops.models import terminal
from ops.models.actions import Operator
from ops.models.errors import ModelsError
from ops.models.fleet import Fleet
from ops.models.fleet_cli import FleetOptions, change_fleet, follow_command
from ops.models.options import (
    TIMEOUT_S,
    Folder,
    IsFleet,
    Json,
    Model,
    NoFingerprint,
    Timeout,
    Url,
    Version,
)
from ops.models.removal import plan_removal, remove
from ops.models.single_cli import (
    Manner,
    fail,
    find_address,
    read_rows,
    run_on_one,
    with_control,
)
from ops.models.smoke import Smoke
from ops.models.traffic import compare
from ops.triton.control import TritonControl

app = typer.Typer(
    help="List, try, promote and roll back versions of models, without dropping a request.\n\n"
    "Speaks to the running `tritone up`, or to the Triton of --url. What it changes is kept over a "
    "restart where the model repository is seen: the running stack's, or the one of --repository.",
    no_args_is_help=True,
    add_completion=False,  # the whole command's
)

app.command("follow")(follow_command)


@app.command("list")
def _list(url: Url = None, repository: Folder = None, is_json: Json = False) -> None:
    """Show every version of every model: its state, and which one answers."""
    found = read_rows(find_address(url, repository), None)
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
    found = read_rows(find_address(url, repository), model)
    found = [row for row in found if version in {None, row.version}]
    if not found:
        fail(f"{model} has no version {version}")
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
    timeout_s: Timeout = TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Load a model, or one of its versions beside the one that serves. It gets no requests."""
    if is_fleet:
        if version is None:
            fail("a fleet's state names versions: give one, or load the model at each Triton")
        options = FleetOptions(url, repository, timeout_s)
        over_all = partial(Fleet.load, model=model, version=version)
        return change_fleet(options, over_all, is_json=is_json)

    async def act(operator: Operator) -> None:
        await operator.load(model, version)

    return run_on_one(
        find_address(url, repository), model, act, Manner(timeout_s=timeout_s, is_json=is_json)
    )


@app.command("verify")
def _verify(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Annotated[int | None, typer.Argument(min=1, help="Else the one that serves.")] = None,
    url: Url = None,
    repository: Folder = None,
    no_fingerprint: NoFingerprint = False,
    timeout_s: Timeout = TIMEOUT_S,
    is_json: Json = False,
) -> None:
    """Try a version with two prompts and its fingerprint; who answers does not change."""
    manner = Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    run_on_one(
        find_address(url, repository),
        model,
        lambda operator: operator.verify(model, version),
        manner,
    )


@app.command("promote")
def _promote(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Version,
    url: Url = None,
    repository: Folder = None,
    no_fingerprint: NoFingerprint = False,
    timeout_s: Timeout = TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Load a version, try it, and let it answer. The one before stays loaded for a rollback."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, not no_fingerprint)
        return change_fleet(options, lambda fleet: fleet.promote(model, version), is_json=is_json)

    async def act(operator: Operator) -> Smoke | None:
        return (await operator.promote(model, version))[1]

    manner = Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    return run_on_one(find_address(url, repository), model, act, manner)


@app.command("rollback")
def _rollback(  # noqa: PLR0913, PLR0917
    model: Model,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Let the version before answer again, at once."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, needs_fingerprint=False)
        return change_fleet(options, lambda fleet: fleet.rollback(model), is_json=is_json)

    async def act(operator: Operator) -> None:
        await operator.rollback(model)

    return run_on_one(
        find_address(url, repository), model, act, Manner(timeout_s=timeout_s, is_json=is_json)
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
    timeout_s: Timeout = TIMEOUT_S,
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

    manner = Manner(timeout_s=timeout_s, is_json=is_json, needs_fingerprint=not no_fingerprint)
    return run_on_one(find_address(url, repository), model, act, manner)


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
        frontends = frontend or [find_address(None, None).frontend or ""]
        if not all(frontends):
            raise ModelsError("no frontend runs here; name one with --frontend URL")
        figures = compare(frontends, model)
        if not figures:
            raise ModelsError(
                f"no frontend has made anything with {model}; `tritone models list` shows what is "
                "served"
            )
    except ModelsError as error:
        fail(str(error))
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
    timeout_s: Timeout = TIMEOUT_S,
    is_json: Json = False,
    is_fleet: IsFleet = False,
) -> None:
    """Give back the memory of a version that does not serve; ends its canary."""
    if is_fleet:
        options = FleetOptions(url, repository, timeout_s, needs_fingerprint=False)
        over_all = partial(Fleet.unload, model=model, version=version)
        return change_fleet(options, over_all, is_json=is_json)

    async def act(operator: Operator) -> None:
        await operator.unload(model, version)

    return run_on_one(
        find_address(url, repository), model, act, Manner(timeout_s=timeout_s, is_json=is_json)
    )


@app.command("rm")
def _rm(  # noqa: PLR0913, PLR0917
    model: Model,
    version: Annotated[
        int | None, typer.Argument(min=1, help="One version; else the whole model.")
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    repository: Folder = None,
    timeout_s: Timeout = TIMEOUT_S,
    is_fleet: IsFleet = False,
) -> None:
    """Delete a version that does not answer, or take a whole model out of service."""
    if is_fleet:
        fail("files are deleted where each Triton has them: unload --fleet first, then rm there")
    address = find_address(url, repository)
    removal = with_control(
        address, lambda control: plan_removal(control, address.repository_of(model), model, version)
    )
    if not is_sure:
        terminal.ask(f"delete {removal}, {terminal.format_size(removal.n_bytes)}?")

    async def act(control: TritonControl) -> None:
        with terminal.progress(is_json=False) as say:
            operator = Operator(
                control=control,
                repository=address.repository_of(model),
                timeout_s=timeout_s,
                say=say,
            )
            await remove(operator, removal)

    with_control(address, act)
    terminal.say(f"deleted {removal}")
