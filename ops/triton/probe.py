"""Kills a backend process that lives and does nothing: the reconciler then replaces it.

Triton 24.10 waits for such a process for ever, and so do the requests that it was given. A model
that takes its time is none: a process is taken for hung only when it answers nothing for a while
and uses no processor meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import psutil
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.aio import InferInput
from tritonclient.utils import triton_to_np_dtype

from ops.errors import TritonCallFailed
from ops.triton.backend_processes import Look
from ops.triton.control import TritonControl
from tritone import tensors
from tritone.probes import PROBE, make_small_array

_log = logging.getLogger(__name__)

_BUSY_SHARE = 0.05  # of one core: beyond it, a process works
# What a caller hears of a process that does nothing: gRPC's words, and Triton's.
_HUNG = ("Deadline Exceeded", "DEADLINE_EXCEEDED", "is not healthy")
_SHORTEST_S = 1.0  # to judge by: processor time is counted in hundredths of a second


class Probe:
    """Asks every backend process of a Triton for a sign of life, period after period."""

    def __init__(
        self,
        control: TritonControl,
        look: Callable[[], Look],
        restart: Callable[[], None],
        *,
        period_s: float,
        timeout_s: float,
    ) -> None:
        """`look` gives the living processes; `timeout_s` is how long one may do nothing.

        `restart` ends Triton itself, which the supervisor then starts again.
        """
        self._control = control
        self._look = look
        self._restart = restart
        self._period_s = period_s
        self._timeout_s = timeout_s

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self._ask()
            except Exception:  # a mistake of ours must not end the watch
                _log.exception("a probe failed")

    async def _ask(self) -> None:
        look = self._look()
        models = sorted(look.n_living())
        asked = [
            find_hung(model, look.of(model), self._control, self._timeout_s) for model in models
        ]
        found = await asyncio.gather(*asked)
        if len(models) > 1 and all(found):  # it is not the models that hang
            _log.error("Triton passes nothing to any backend process: restarting it")
            self._restart()
            return
        for model, hung in zip(models, found, strict=True):
            for process in hung:
                with suppress(psutil.NoSuchProcess):
                    _log.error("a backend process of %s does not answer: killing it", model)
                    process.kill()


async def find_hung(
    model: str, processes: list[psutil.Process], control: TritonControl, timeout_s: float
) -> list[psutil.Process]:
    """Return those of a model's processes that did nothing while a request went unanswered."""
    before = {process: _processor_s(process) for process in processes}
    loop = asyncio.get_running_loop()
    began = loop.time()
    if await answers(model, control, timeout_s):
        return []
    await asyncio.sleep(max(0.0, _SHORTEST_S - (loop.time() - began)))
    least_s = _BUSY_SHARE * (loop.time() - began)
    used = {process: _processor_s(process) - used_s for process, used_s in before.items()}
    return [process for process in processes if used[process] < least_s]


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
    question = {tensors.QUERY: PROBE}
    try:
        await control.ask(model, make_small_inputs(config), question, timeout_s)
    except TritonCallFailed as error:
        return not any(sign in str(error) for sign in _HUNG)
    return True


def make_small_inputs(config: model_config_pb2.ModelConfig) -> list[InferInput]:
    """Return the smallest request that a model takes."""
    inputs = []
    for each in config.input:
        name = model_config_pb2.DataType.Name(each.data_type).removeprefix("TYPE_")
        dtype = "BYTES" if name == "STRING" else name
        numpy_name = dtype if dtype == "BYTES" else triton_to_np_dtype(dtype).__name__
        array = make_small_array(numpy_name, each.dims, is_batched=bool(config.max_batch_size))
        made = InferInput(each.name, list(array.shape), dtype)
        made.set_data_from_numpy(array)
        inputs.append(made)
    return inputs
