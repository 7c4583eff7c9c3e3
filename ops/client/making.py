"""From orders to files, all at once; what is not wanted any more is cancelled."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ops.client.errors import ClientError, NoJobs
from ops.client.job import Job, Made
from ops.client.names import choose_path, write
from ops.client.orders import Order
from ops.client.screen import Screen, ShowJob
from ops.client.server import Server


async def make_files(server: Server, orders: Sequence[Order], screen: Screen) -> list[Path]:
    """Make every order's file and return where they are, in order.

    Raises:
        ClientError: one was not made; the others are cancelled, unless they are there already.
    """
    shows = [screen.add_bar(order.words) for order in orders]
    tasks = [
        asyncio.create_task(_make_file(server, order, show))
        for order, show in zip(orders, shows, strict=True)
    ]
    try:
        found = await asyncio.gather(*tasks)
    except BaseException:  # also when we are interrupted
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    for _, made in found:
        screen.tell(made)
    return [path for path, _ in found]


async def _make_file(server: Server, order: Order, show: ShowJob) -> tuple[Path, Made]:
    try:
        job = await server.submit(order.job)
    except NoJobs:
        made, audio = await _make_at_once(server, order)
    else:
        made = await _wait(server, job, show)
        audio = await server.fetch(made.url)
    path = choose_path(made, order.words, order.output, is_one_of_many=order.is_one_of_many)
    write(path, audio)
    return path, made


async def _wait(server: Server, job: Job, show: ShowJob) -> Made:
    try:
        async for change in server.follow(job.id):
            job = change
            show(job)
    except asyncio.CancelledError:
        with suppress(ClientError):
            await server.cancel(job.id)
        raise
    if job.made is None:
        raise ClientError(job.problem or f"somebody has cancelled job {job.id}")
    return job.made


async def _make_at_once(server: Server, order: Order) -> tuple[Made, bytes]:
    audio, headers = await server.make(order.path, order.body)
    note = headers.get("x-tritone-note")
    made = Made(
        url="",
        file_name=f"sound.{order.audio_format}",
        seconds=float(headers["x-tritone-seconds"]),
        seed=int(headers["x-tritone-seed"]),
        notes=(note,) if note else (),
    )
    return made, audio
