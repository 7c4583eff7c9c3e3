"""Clients that leave: Triton survives them, and they take nothing from those who stay."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import open_folder, tell
from tests.acceptance.leavers import Crowd
from tests.acceptance.stack import Stack, running

pytestmark = pytest.mark.triton


@pytest.fixture(scope="module")
def served(repository: Path) -> Iterator[Stack]:
    with open_folder() as folder, running(copy_of(repository, folder / "models"), folder) as stack:
        yield stack


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seconds", [20.0, pytest.param(600.0, marks=pytest.mark.drill)])
async def test_no_process_dies_because_clients_leave(served: Stack, seconds: float) -> None:
    crowd = Crowd(
        served.address,
        stays={"num_inference_steps": 100},
        leaves={"num_inference_steps": 1000, "audio_length": 0.5},
        leave_after_s=(0.05, 0.5),
    )
    before = served.triton(), *served.triton().children()
    await crowd.run(seconds, n_stay=7, n_leave=3)
    tell(f"{seconds:.0f} s: {dict(crowd.answers)} for those who stayed, {crowd.n_left} left")
    assert (served.triton(), *served.triton().children()) == before
    assert crowd.n_left > seconds
    assert set(crowd.answers) == {200}
