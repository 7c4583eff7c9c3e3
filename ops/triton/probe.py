"""Notices a backend process that lives and does nothing, and kills it: `healing` does the rest.

Triton 24.10 waits for such a process for ever, and so do the requests that it was given. A model
that takes its time is none: a process is taken for hung only when it answers nothing for a while
and uses no processor meanwhile.
"""

import asyncio
import logging
from contextlib import suppress

import numpy as np
import psutil
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.aio import InferInput
from tritonclient.utils import triton_to_np_dtype

from ops.errors import TritonCallFailed
from ops.triton.control import TritonControl
from ops.triton.healing import StubWatch
from tritone import tensors

_log = logging.getLogger(__name__)

_BUSY_SHARE = 0.05  # of one core: beyond it, a process works
# What a caller hears of a process that does nothing: gRPC's words, and Triton's.
_HUNG = ("Deadline Exceeded", "DEADLINE_EXCEEDED", "is not healthy")
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
    if await answers(model, control, timeout_s):
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


async def answers(model: str, control: TritonControl, timeout_s: float) -> bool:
    """Return whether a model answers a tiny request, if only with an error.

    A Triton that does not answer itself says nothing of the model: that is True, too.
    """
    try:
        config = await control.config(model)
    except TritonCallFailed:
        return True
    # A denoiser makes no sound of it: it answers such a question at once, whatever it is doing.
    question = {tensors.QUERY: "probe"}
    try:
        await control.ask(model, make_small_inputs(config), question, timeout_s)
    except TritonCallFailed as error:
        return not any(sign in str(error) for sign in _HUNG)
    return True


def make_small_inputs(config: model_config_pb2.ModelConfig) -> list[InferInput]:
    """Return the smallest request that a model takes: free lengths of 1, zeros and ones at random.

    Not the same twice: Triton would answer from its cache for a process that hangs.
    """
    source = np.random.default_rng()
    inputs = []
    for each in config.input:
        name = model_config_pb2.DataType.Name(each.data_type).removeprefix("TYPE_")
        dtype = "BYTES" if name == "STRING" else name
        shape = [1] * bool(config.max_batch_size) + [max(1, size) for size in each.dims]
        array = (
            np.full(shape, b"", np.object_)
            if dtype == "BYTES"
            else source.integers(0, 2, shape).astype(triton_to_np_dtype(dtype))
        )
        made = InferInput(each.name, shape, dtype)
        made.set_data_from_numpy(array)
        inputs.append(made)
    return inputs
