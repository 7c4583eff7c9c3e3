"""Whose turn it is, on a real Triton: shares, priorities, deadlines."""

import asyncio
from dataclasses import replace

import pytest
from tritonclient.utils import InferenceServerException

from tests.acceptance.client import Ask, Client
from tests.acceptance.stack import Stack
from tritone.tensors import CANCEL, PRIORITY, QUERY, SHARE
from tritone.turns import BACKGROUND

pytestmark = pytest.mark.triton

ASK = replace(Ask(), steps=10, seconds_end=2.0)
TIMEOUT_S = 200.0  # on a busy machine all must still be in time, or they are refused at once


async def ends(client: Client, asks: dict[str, dict[str, str | int]]) -> list[str]:
    """Ask for sounds, with parameters, while all lanes are held; return the order of their ends."""
    order: list[str] = []

    async def one(name: str, parameters: dict[str, str | int]) -> None:
        await client.generate(ASK, job_id=name, parameters=parameters, timeout_s=TIMEOUT_S)
        order.append(name)

    holders = [f"holder-{i}" for i in range(4)]  # more than there are lanes
    long = replace(ASK, steps=1000)
    held = []
    for name in holders:  # the first one has a lane for certain: another could keep it for long
        holding = client.generate(long, job_id=name, timeout_s=TIMEOUT_S)
        held.append(asyncio.create_task(holding))
        await until_known(client, name, held[-1])
    await client.until_running(holders[0])
    tasks = []
    for name, parameters in asks.items():
        tasks.append(asyncio.create_task(one(name, parameters)))
        await until_known(client, name, tasks[-1])
    for name in holders:
        await client.control(CANCEL, name)
    await asyncio.gather(*held, return_exceptions=True)
    await asyncio.gather(*tasks)
    return order


async def until_known(client: Client, name: str, asked: asyncio.Task[object]) -> None:
    """Return once the denoiser has a request, or has refused it."""
    while not asked.done() and await client.control(QUERY, name) == [-1, -1]:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def test_one_share_does_not_wait_for_all_of_another(client: Client) -> None:
    many: dict[str, dict[str, str | int]] = {f"many-{i}": {SHARE: "many"} for i in range(6)}
    order = await ends(client, {**many, "few": {SHARE: "few"}})
    # Two lanes take one of each share first. On a busy machine a lane may be overtaken while it
    # works; in the order of arrival "few" would be last.
    assert order.index("few") <= len(many) // 2, order


async def test_who_waits_for_an_answer_overtakes_jobs(client: Client) -> None:
    jobs: dict[str, dict[str, str | int]] = {f"job-{i}": {PRIORITY: BACKGROUND} for i in range(6)}
    order = await ends(client, {**jobs, "request": {}})
    assert order.index("request") <= len(jobs) // 2, order


async def test_what_cannot_be_in_time_is_refused_before_its_first_step(
    stack: Stack, client: Client
) -> None:
    await client.generate(ASK)  # the pace of this length is known now
    rows = stack.metric("tritone_denoiser_step_rows_total")
    with pytest.raises(InferenceServerException, match="deadline exceeded at step 0/1000"):
        await client.generate(replace(ASK, steps=1000), timeout_s=0.8)
    assert stack.metric("tritone_denoiser_step_rows_total") == rows
