"""One frontend over two real Tritons: who gets the work, and what a death costs."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

import httpx2
import pytest

from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import Stack, running

pytestmark = [pytest.mark.triton, pytest.mark.drill]

PATIENCE_S = 60.0
N_CLIENTS = 4
LONG_STEPS, SHORT_STEPS, MAX_SHORT = 500, 4, 6
_SEEDS = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pool")


@pytest.fixture(scope="module")
def tritons(repository: Path, folder: Path) -> Iterator[tuple[Stack, Stack]]:
    """Two Tritons, each looked after by its own supervisor. The last test ends the second."""
    models = copy_of(repository, folder / "models")
    with (
        running(models, folder / "one", "--no-frontend") as one,
        running(models, folder / "other", "--no-frontend") as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def frontend(tritons: tuple[Stack, Stack], folder: Path) -> Iterator[Stack]:
    """A frontend that knows both by a list of addresses."""
    variables = {
        "TRITONE_TRITON__URL": ",".join(triton.address for triton in tritons),
        "TRITONE_TRITON__REFRESH_S": "0.5",
        "TRITONE_JOBS__EMBEDDED": "false",
    }
    with running(folder, folder / "frontend", **variables) as stack:
        assert stack.address
        yield stack


def generate(frontend: Stack, steps: int = SHORT_STEPS) -> int:
    """Ask for a second of sound and return the status."""
    body = {"input": "rain", "audio_length": 1, "seed": next(_SEEDS), "num_inference_steps": steps}
    url = f"http://{frontend.address}/v1/audio/generate"
    return httpx2.post(url, json=body, timeout=PATIENCE_S).status_code


def n_steps(triton: Stack) -> float:
    """Return how many diffusion steps a Triton has made since it started."""
    return triton.metric("tritone_denoiser_steps_total")


def until(triton: Stack, n_more: float) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while n_steps(triton) < n_more:
        assert time.monotonic() < deadline, f"{n_steps(triton)} steps, not {n_more}"
        time.sleep(0.05)


def test_work_goes_to_the_triton_that_is_idle(
    tritons: tuple[Stack, Stack], frontend: Stack
) -> None:
    before = [n_steps(triton) for triton in tritons]
    with ThreadPoolExecutor() as threads:
        long = threads.submit(generate, frontend, LONG_STEPS)
        while all(n_steps(t) == b for t, b in zip(tritons, before, strict=True)):
            time.sleep(0.01)
        n_short = 0
        while not long.done() and n_short < MAX_SHORT:
            assert generate(frontend) == 200
            n_short += 1
        assert long.result() == 200
    made = sorted(n_steps(t) - b for t, b in zip(tritons, before, strict=True))
    print(f"beside one pass of {LONG_STEPS} steps: {n_short} short ones; steps by Triton: {made}")  # noqa: T201
    assert n_short >= 2, "the long pass was too short to tell"
    assert made == [n_short * SHORT_STEPS, LONG_STEPS]


class Load:
    """Clients in a closed loop, until told to stop."""

    def __init__(self, frontend: Stack, threads: ThreadPoolExecutor) -> None:
        self._frontend = frontend
        self._enough = Event()
        self._clients = [threads.submit(self._run) for _ in range(N_CLIENTS)]

    def _run(self) -> list[tuple[int, float]]:
        answers = []
        while not self._enough.is_set():
            start = time.monotonic()
            answers.append((generate(self._frontend, steps=12), time.monotonic() - start))
        return answers

    def stop(self) -> tuple[Counter[int], float]:
        """Return how often each status came, and the longest wait in seconds."""
        self._enough.set()
        answers = [answer for each in self._clients for answer in each.result()]
        return Counter(status for status, _ in answers), max(s for _, s in answers)


def start_load(tritons: tuple[Stack, Stack], frontend: Stack, threads: ThreadPoolExecutor) -> Load:
    """Return a load once both Tritons work for it."""
    load = Load(frontend, threads)
    for triton in tritons:
        until(triton, n_steps(triton) + 60)
    return load


def test_a_killed_triton_costs_no_request_and_is_used_again_when_it_is_back(
    tritons: tuple[Stack, Stack], frontend: Stack
) -> None:
    victim, survivor = tritons
    with ThreadPoolExecutor() as threads:
        load = start_load(tritons, frontend, threads)
        victim.triton().send_signal(signal.SIGKILL)
        until(survivor, n_steps(survivor) + 60)
        assert victim.has_logged("triton is ready again")
        until(victim, 60)  # counted anew since its start
        statuses, longest_s = load.stop()
    n_retried = frontend.log.count('"tried_elsewhere"')
    print(f"kill -9 of one of two: {statuses}, {n_retried} tried elsewhere, max {longest_s:.2f} s")  # noqa: T201
    assert set(statuses) == {200}
    assert n_retried > 0


def test_a_triton_that_leaves_in_good_order_costs_no_request(
    tritons: tuple[Stack, Stack], frontend: Stack
) -> None:
    staying, leaving = tritons
    with ThreadPoolExecutor() as threads:
        load = start_load(tritons, frontend, threads)
        code: Future[int] = threads.submit(leaving.stop)
        assert code.result() == 0
        until(staying, n_steps(staying) + 60)
        statuses, longest_s = load.stop()
    print(f"SIGTERM of one of two: {statuses}, max {longest_s:.2f} s")  # noqa: T201
    assert set(statuses) == {200}
