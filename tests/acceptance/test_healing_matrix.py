"""Every single fault at every moment of the life cycle: a sound within 30 s. `make drills`."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ops.triton.backend_directory import STUB
from tests.acceptance.chaos import victims
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import open_folder, status_of, tell, until
from tests.acceptance.stack import Stack, running

pytestmark = [pytest.mark.triton, pytest.mark.drill, pytest.mark.timeout(600)]

PROMISE_S = 30.0
SETTINGS = {"TRITONE_JOBS__LEASE_S": "4", "TRITONE_DRAIN_TIMEOUT_S": "10"}
KINDS = ("triton", "tokenizer", "denoiser", "vae_decoder", "frontend", "worker", "database")
SIGNALS = (signal.SIGKILL, signal.SIGSTOP)
FAULTS = [(kind, number) for kind in KINDS for number in SIGNALS]


@contextmanager
def new_stack(repository: Path) -> Iterator[Stack]:
    """Run a stack whose database is a new one, too."""
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SETTINGS) as stack:
            yield stack


def find(stack: Stack, model: str, kind: str) -> psutil.Process | None:
    """Return the process of a kind, if it lives already."""
    try:
        if kind not in {"tokenizer", "denoiser", "vae_decoder"}:
            return next(iter(victims(kind, (stack,))), None)
        stubs = victims("stub", (stack,))
        wanted = f"{model}_{kind}_0_0"
        return next((each for each in stubs if wanted in each.cmdline()), None)
    except psutil.Error:
        return None


def strike(stack: Stack, model: str, kind: str, number: signal.Signals) -> None:
    """Break one process as soon as it exists."""
    until(lambda: find(stack, model, kind) is not None, PROMISE_S)
    process = find(stack, model, kind)
    if process is not None:
        process.send_signal(number)


def is_loading(stack: Stack) -> bool:
    """Return whether Triton has begun to start backend processes."""
    return any(
        STUB in each.name() or STUB[:15] == each.name() for each in victims("stub", (stack,))
    )


MOMENTS: dict[str, Callable[[Stack], bool]] = {
    "start": lambda _: True,
    "migration": lambda stack: bool(victims("frontend", (stack,))),
    "loading": is_loading,
}


def sounds_again(stack: Stack, began: float) -> float:
    """Return how many seconds after the fault there is a sound."""
    until(lambda: "ready:" in stack.out or stack.process.poll() is not None, 2 * PROMISE_S)
    assert stack.process.poll() is None, stack.log
    until(lambda: status_of(stack.address, 10.0) == 200, PROMISE_S)
    return time.monotonic() - began


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("kind", "number"), FAULTS)
def test_a_fault_while_it_starts(
    repository: Path, model: str, moment: str, kind: str, number: signal.Signals
) -> None:
    with new_stack(repository) as stack:
        until(lambda: MOMENTS[moment](stack), PROMISE_S)
        strike(stack, model, kind, number)
        took_s = sounds_again(stack, time.monotonic())
        tell(f"{moment:<9} {kind:<11} {number.name}: a sound after {took_s:.1f} s")
        assert took_s < PROMISE_S
        assert stack.stop() == 0


@pytest.mark.parametrize("moment", ["ready", "restart"])
def test_a_fault_while_it_runs(repository: Path, model: str, moment: str) -> None:
    with new_stack(repository) as stack:
        assert stack.address
        for kind, number in FAULTS:
            if moment == "restart":
                old = stack.triton()
                old.kill()
                until(lambda old=old: _is_replaced(stack, old))  # type: ignore[misc]
            strike(stack, model, kind, number)
            took_s = sounds_again(stack, time.monotonic())
            tell(f"{moment:<9} {kind:<11} {number.name}: a sound after {took_s:.1f} s")
            assert took_s < PROMISE_S


def _is_replaced(stack: Stack, old: psutil.Process) -> bool:
    return any(each.pid != old.pid for each in victims("triton", (stack,)))


@pytest.mark.parametrize(("kind", "number"), FAULTS)
def test_a_fault_while_it_drains(
    repository: Path, model: str, kind: str, number: signal.Signals
) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SETTINGS) as stack:
            assert stack.address
            process = find(stack, model, kind)
            assert process is not None
            stack.process.send_signal(signal.SIGTERM)
            assert stack.has_logged("stopping")
            process.send_signal(number)
            began = time.monotonic()
            assert stack.process.wait(2 * PROMISE_S) == 0
            ended_s = time.monotonic() - began
        with running(models, folder, **SETTINGS) as stack:
            took_s = sounds_again(stack, time.monotonic())
            tell(
                f"draining  {kind:<11} {number.name}: ended after {ended_s:.1f} s, "
                f"a sound {took_s:.1f} s after the next start"
            )
            assert took_s < PROMISE_S
