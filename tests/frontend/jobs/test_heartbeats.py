import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from frontend.errors import BackendUnavailable
from frontend.jobs.heartbeats import HeartbeatSender
from frontend.jobs.records import Claim, Heartbeat
from frontend.jobs.store import JobStore
from frontend.triton.gateway import Progress

PERIOD_S = 0.01


class FailsOnce:
    """A store whose first renewal fails."""

    def __init__(self, error: Exception) -> None:
        self.errors = [error]
        self.renewed = asyncio.Event()

    async def renew(self, heartbeats: Sequence[Heartbeat]) -> dict[str, bool]:
        if self.errors:
            raise self.errors.pop()
        self.renewed.set()
        return {each.claim.job_id: False for each in heartbeats}


async def no_progress(_job_id: str) -> Progress | None:
    return None


@pytest.mark.parametrize("error", [BackendUnavailable("away"), KeyError("ours")])
async def test_heartbeats_go_on_whatever_one_of_them_met(error: Exception) -> None:
    store = FailsOnce(error)
    sender = HeartbeatSender(cast("JobStore", store), no_progress, PERIOD_S)
    work = asyncio.create_task(asyncio.Event().wait())
    beating = asyncio.create_task(sender.run())
    async with sender.lease(Claim(job_id="job", claim_id="claim"), work), asyncio.timeout(5):
        await store.renewed.wait()
    assert not beating.done()
    assert not work.cancelled()
    for task in (beating, work):
        task.cancel()
