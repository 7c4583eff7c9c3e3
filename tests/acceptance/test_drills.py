"""Drills: processes die, hang and restart under load. Figures are printed: `pytest -s`.

`make test` runs short editions. `test_lifecycle.py` and `test_rest.py` kill Triton and its backend
processes; `tests/ops` lets services hang.
"""

import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.acceptance.chaos import victims
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import (
    UNREACHABLE,
    Jobs,
    Load,
    left_behind,
    open_folder,
    prefix_of,
    status_of,
    tell,
    until,
)
from tests.acceptance.stack import Stack, running

pytestmark = pytest.mark.triton

TIMEOUT_S = 20.0  # of one request
SLACK_S = 4.0  # of a busy machine, beyond a deadline
COMPONENTS = ("tokenizer", "text_encoder", "denoiser", "vae_decoder")
SETTINGS = {
    "TRITONE_TIMEOUT_S": str(TIMEOUT_S),
    "TRITONE_JOBS__LEASE_S": "4",
    "TRITONE_JOBS__MAX_ATTEMPTS": "10",
    "TRITONE_DRAIN_TIMEOUT_S": "10",
}


KINDS = ("triton", "frontend", "worker", "database")


def _find(stack: Stack, model: str, name: str) -> psutil.Process:
    """Return a process by its kind, or a backend process by its component."""
    return victims(name, (stack,))[0] if name in KINDS else stack.stub(f"{model}_{name}")


@pytest.mark.drill
def test_every_death_under_load_is_answered_in_time_and_healed(
    repository: Path, model: str
) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SETTINGS) as stack:
            jobs = Jobs(stack.address)
            prefix = prefix_of(stack)
            with Load(stack.address).running() as load:
                for name in (*COMPONENTS, *KINDS):
                    until(lambda: load.is_served_since(time.monotonic() - 2))
                    jobs.submit(3)
                    _find(stack, model, name).kill()
                    killed_at = time.monotonic()
                    until(lambda at=killed_at: load.is_served_since(at + 0.3))  # type: ignore[misc]
                    tell(f"{name}: a sound again after {time.monotonic() - killed_at:.1f} s")
            waited = jobs.until_over()
            assert stack.stop() == 0
        tell(
            f"answers: {dict(load.statuses)}, the longest took {load.longest_s:.1f} s; "
            f"{len(jobs.accepted)} jobs accepted and made, the last {waited:.1f} s after the load"
        )
        assert load.longest_s < TIMEOUT_S + SLACK_S
        assert set(load.statuses) <= {200, 503, UNREACHABLE}
        assert set(jobs.refused) <= {503}
        assert left_behind(prefix, folder) == []


@pytest.mark.drill
def test_a_backend_process_that_hangs_is_killed_and_healed(repository: Path, model: str) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        probe = {"TRITONE_TRITON__PROBE_PERIOD_S": "1", "TRITONE_TRITON__PROBE_TIMEOUT_S": "3"}
        with running(models, folder, **SETTINGS, **probe) as stack:
            for component in COMPONENTS:
                _hang(stack, f"{model}_{component}")
            # The reconciler sees that it is stopped, or the probe that it does not answer.
            assert stack.log.count(": killing it") == len(COMPONENTS)


def _hang(stack: Stack, component: str) -> None:
    """Stop a backend process without ending it, and wait until there is sound again."""
    assert status_of(stack.address) == 200
    hung = stack.stub(component)
    hung.suspend()
    began = time.monotonic()
    # A prompt that failed once must not fail for good, as it did when Triton kept answers.
    prompt = f"rain on the {component}"
    first = status_of(stack.address, input=prompt)
    took = time.monotonic() - began
    until(lambda: status_of(stack.address, input=prompt) == 200)
    tell(
        f"{component}: the request that met it got {first} after {took:.1f} s, "
        f"a sound again after {time.monotonic() - began:.1f} s"
    )
    assert took < TIMEOUT_S + SLACK_S
    assert first in {200, 503, 504}
    assert stack.stub(component).pid != hung.pid


@pytest.mark.drill
@pytest.mark.parametrize("kind", ["frontend", "triton"])
def test_a_server_that_hangs_is_killed_and_started_again(repository: Path, kind: str) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SETTINGS, TRITONE_HANG_TIMEOUT_S="6") as stack:
            jobs = Jobs(stack.address)
            jobs.submit(3)
            (hung,) = victims(kind, (stack,))
            hung.suspend()
            began = time.monotonic()
            until(lambda: status_of(stack.address, timeout_s=5.0) == 200)
            tell(f"{kind}: a sound again {time.monotonic() - began:.1f} s after it fell silent")
            jobs.until_over()
            assert len(jobs.accepted) == 3
            assert f"{kind} is stopped: killing it" in stack.log
            assert not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE


@pytest.mark.drill
def test_a_busy_backend_process_is_not_taken_for_a_hung_one(repository: Path) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        probe = {
            "TRITONE_TRITON__PROBE_PERIOD_S": "0.2",
            "TRITONE_TRITON__PROBE_TIMEOUT_S": "0.2",  # shorter than the work before it
        }
        with running(models, folder, **SETTINGS, **probe) as stack:
            long = {"audio_length": 5, "num_inference_steps": 30}
            with Load(stack.address, n_clients=4, changes=long).running() as load:
                until(lambda: len(load.answers) >= 12)
            tell(f"{dict(load.statuses)} under a probe every 0.2 s")
            assert set(load.statuses) == {200}
            assert "killing it" not in stack.log


@pytest.mark.drill
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_under_load_loses_no_job_and_leaves_nothing(
    repository: Path, end: signal.Signals
) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SETTINGS) as stack:
            jobs = Jobs(stack.address)
            prefix = prefix_of(stack)
            with Load(stack.address, n_clients=2).running() as load:
                jobs.submit(20, steps=20)
                stack.process.send_signal(end)
                code = stack.process.wait(60)
        assert set(load.statuses) <= {200, 503, UNREACHABLE}
        if end is signal.SIGTERM:
            assert code == 0
            assert left_behind(prefix, folder) == []
        with running(models, folder, **SETTINGS) as stack:
            jobs.address = stack.address
            waited = jobs.until_over()
            assert [each for each in left_behind(prefix, folder) if "postgres" not in each] == []
        assert len(jobs.accepted) == 20
        tell(f"{end.name}: 20 jobs accepted, all made {waited:.1f} s after the second start")
