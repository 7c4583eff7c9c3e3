"""Notices a backend process that lives and does nothing, and kills it: `healing` does the rest.

Triton 24.10 waits for such a process for ever, and so do the requests that it was given. A model
that takes its time is none: a process is taken for hung only when it answers nothing for a while
and uses no processor meanwhile.
"""

import asyncio
import logging
from contextlib import suppress

import psutil

from ops.healing import StubWatch
from ops.triton_control import TritonControl

_log = logging.getLogger(__name__)

_BUSY_SHARE = 0.05  # of one core: beyond it, a process works
_SHORTEST_S = 1.0  # to judge by: processor time is counted in hundredths of a second


async def watch_forever(
    server_pid: int, control: TritonControl, period_s: float, timeout_s: float
) -> None:
    """Ask every backend process for a sign of life, until the server is gone.

    `timeout_s` is how long one may do nothing. Cancelling ends the watch.
    """
    watch = StubWatch(server_pid)
    with suppress(psutil.NoSuchProcess):
        while True:
            await asyncio.sleep(period_s)
            watch.dead_models()
            models = set(watch.models())
            looks = [look_at(model, watch.processes(model), control, timeout_s) for model in models]
            await asyncio.gather(*looks)


async def look_at(
    model: str, processes: list[psutil.Process], control: TritonControl, timeout_s: float
) -> None:
    """Kill those of a model's processes that did nothing while a request went unanswered."""
    before = {process: _processor_s(process) for process in processes}
    loop = asyncio.get_running_loop()
    began = loop.time()
    if await control.answers(model, timeout_s):
        return
    await asyncio.sleep(max(0.0, _SHORTEST_S - (loop.time() - began)))
    for process, used_s in before.items():
        if _processor_s(process) - used_s < _BUSY_SHARE * (loop.time() - began):
            with suppress(psutil.NoSuchProcess):
                _log.error("a backend process of %s does not answer: killing it", model)
                process.kill()


def _processor_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return float("inf")  # dead already: nothing to kill
    return float(times.user + times.system)
