"""How a command of `tritone models` is carried out at one Triton, and what it shows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import typer

from ops.errors import TritonCallFailed
from ops.models import terminal
from ops.models.actions import LOOK_TAKES_S, Operator
from ops.models.address import StackAddress, find_stack_address
from ops.models.errors import ModelsError
from ops.models.overview import Row, rows
from ops.models.smoke import Smoke
from ops.settings import load_settings
from ops.triton.control import TritonControl
from tritone.first_line import first_line

Result = TypeVar("Result")
Act = Callable[[Operator], Awaitable[Smoke | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command is carried out."""

    timeout_s: float
    is_json: bool
    needs_fingerprint: bool = True


def run_on_one(address: StackAddress, model: str, act: Act, manner: Manner) -> None:
    """Carry out a change at one Triton and show what it serves then."""

    async def run(control: TritonControl) -> tuple[Smoke | None, list[Row]]:
        with terminal.progress(is_json=manner.is_json) as say:
            operator = Operator(
                control=control,
                repository=address.repository_of(model),
                timeout_s=manner.timeout_s,
                look_s=load_settings().triton.refresh_s + LOOK_TAKES_S,
                needs_fingerprint=manner.needs_fingerprint,
                say=say,
            )
            smoke = await act(operator)
        return smoke, await rows(control, address.repositories, model)

    smoke, found = with_control(address, run)
    if manner.is_json:
        versions = [row.to_dict() for row in found]
        terminal.show_json({"smoke": asdict(smoke) if smoke else None, "versions": versions})
        return
    if smoke is not None:
        terminal.show_smoke(smoke)
    terminal.show_rows(found)
    if not address.repositories:
        terminal.complain("kept until that Triton restarts; to keep it longer give --repository")


def read_rows(address: StackAddress, model: str | None) -> list[Row]:
    """Return the versions of a model, or of all."""
    seen, device = address.repositories, address.device
    return with_control(address, lambda control: rows(control, seen, model, device))


def with_control(
    address: StackAddress, use: Callable[[TritonControl], Awaitable[Result]]
) -> Result:
    """Return what is read or done at a Triton; where that fails, say why and exit."""

    async def run() -> Result:
        control = TritonControl(address.url)
        try:
            return await use(control)
        finally:
            await control.close()

    try:
        return asyncio.run(run())
    except ModelsError as error:
        fail(str(error))
    except TritonCallFailed as error:
        fail(first_line(str(error)))


def find_address(url: str | None, repository: Path | None) -> StackAddress:
    """Return the Triton of the options, of the environment or of the running stack, or exit."""
    try:
        return find_stack_address(load_settings(), url, repository)
    except ModelsError as error:
        fail(str(error))


def fail(reason: str) -> NoReturn:
    """Say why in a line and exit with status 1."""
    terminal.complain(reason)
    raise typer.Exit(1)
