"""Clients that leave: Triton survives them, and they take nothing from those who stay."""

import pytest

from tests.acceptance.drills import tell
from tests.acceptance.leavers import Crowd
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.triton


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
