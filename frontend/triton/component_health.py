"""Whether the components of a model answer. Triton 24.10 calls a model ready whose process is dead.

Each component is asked the smallest question that it takes. A dead process is told by Triton's own
words; one that hangs by its silence while none of its requests end. A busy one is neither.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import grpc
import tritonclient.grpc.aio as triton
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from frontend.triton.connection import Connection
from frontend.triton.errors import is_dead_backend
from tritone import tensors
from tritone.card import COMPONENTS, SPEAKER, component_name
from tritone.probes import PROBE, make_small_array

_DEAD = "its backend process is dead"
_SILENT = "its backend process does not answer"
_SILENCE_S = 10.0
_MAX_REASON_CHARS = 500


class ComponentHealth:
    """What the components said last. Use from one event loop only."""

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        """`timeout_s` bounds each call but the questions themselves."""
        self._connection = connection
        self._timeout_s = timeout_s
        self._problems: dict[str, str] = {}
        self._configs: dict[str, model_config_pb2.ModelConfig] = {}  # while they are of use
        self._questions: dict[str, asyncio.Task[None]] = {}

    def look(self, components: Iterable[str]) -> Mapping[str, str]:
        """Return why each bad component is bad, by the last answers, and ask again.

        Waits for nothing: a busy component answers when its turn comes.
        """
        wanted = set(components)
        problems = {name: why for name, why in self._problems.items() if name in wanted}
        self._problems = dict(problems)
        self._configs = {name: each for name, each in self._configs.items() if name in wanted}
        self._questions = {n: task for n, task in self._questions.items() if not task.done()}
        for name in wanted - self._questions.keys():
            self._questions[name] = asyncio.create_task(self._ask(name))
        return problems

    def close(self) -> None:
        """Ask no more."""
        for question in self._questions.values():
            question.cancel()

    async def _ask(self, name: str) -> None:
        problem = None
        try:
            if await self._is_stuck(await self._read_config(name)):
                problem = _SILENT
        except (InferenceServerException, grpc.RpcError) as error:
            self._configs.pop(name, None)  # another version may take other inputs
            problem = _DEAD if is_dead_backend(error) else None  # an error is an answer, too
        if problem is None:
            self._problems.pop(name, None)
        else:
            self._problems[name] = problem

    async def _read_config(self, name: str) -> model_config_pb2.ModelConfig:
        if name not in self._configs:
            client = self._connection.client
            answer = await client.get_model_config(name, client_timeout=self._timeout_s)
            self._configs[name] = answer.config
        return self._configs[name]

    async def _is_stuck(self, config: model_config_pb2.ModelConfig) -> bool:
        """Return whether a question is not answered, while none of its requests end."""
        counting = asyncio.create_task(self._count_during_silence(config.name))
        try:
            if await self._answers(config):
                return False
            return await counting == await self._count_answers(config.name)
        finally:
            counting.cancel()

    async def _count_during_silence(self, name: str) -> int:
        """Count later: nearly all questions are answered before, which saves the call."""
        await asyncio.sleep(_SILENCE_S / 2)
        return await self._count_answers(name)

    async def _count_answers(self, name: str) -> int:
        answer = await self._connection.client.get_inference_statistics(
            name, client_timeout=self._timeout_s
        )
        return sum(int(each.execution_count) for each in answer.model_stats)

    async def _answers(self, config: model_config_pb2.ModelConfig) -> bool:
        """Return whether a question is answered before silence is long.

        Raises:
            InferenceServerException: with an error.
        """

        async def questions() -> AsyncIterator[dict[str, Any]]:
            yield {
                "model_name": config.name,
                "inputs": _small_inputs(config),
                "parameters": {tensors.QUERY: PROBE},
            }

        stream = self._connection.client.stream_infer(questions(), stream_timeout=_SILENCE_S)
        try:
            # To its end: Triton never unloads a model whose stream was left around its last answer.
            async for _, error in stream:
                if error is not None:
                    raise error
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return False
            raise
        return True


def explain_failures(index: Iterable[Any], names: Iterable[str]) -> dict[str, str]:
    """Return why models are not loaded whose load was tried, from Triton's index.

    An ensemble that does not load has no entry of its own there: its components tell.
    """
    rows: dict[str, list[Any]] = {}
    for row in index:
        rows.setdefault(row.name, []).append(row)
    reasons = {name: _explain(name, rows) for name in names}
    return {name: reason[:_MAX_REASON_CHARS] for name, reason in reasons.items() if reason}


def _explain(name: str, rows: Mapping[str, Sequence[Any]]) -> str:
    """Return why a model is not loaded; empty: nothing says so."""
    speaker = component_name(name, SPEAKER)
    sound = [component_name(name, each) for each in COMPONENTS]
    components = [speaker] if speaker in rows else sound
    present = [each for each in components if each in rows]
    missing = [each for each in components if each not in rows]
    if present and missing:
        return f"{missing[0]} is missing"
    found = [row for each in (name, *present) for row in rows.get(each, ())]
    for row in found:
        if row.reason not in {"", "unloaded"}:
            return f"{row.name}: {row.reason}".splitlines()[0]
    return ""


def _small_inputs(config: model_config_pb2.ModelConfig) -> list[triton.InferInput]:
    made = []
    for each in config.input:
        name = model_config_pb2.DataType.Name(each.data_type).removeprefix("TYPE_")
        dtype = "BYTES" if name == "STRING" else name
        numpy_name = dtype if dtype == "BYTES" else triton_to_np_dtype(dtype).__name__
        array = make_small_array(numpy_name, each.dims, is_batched=bool(config.max_batch_size))
        made.append(triton.InferInput(each.name, list(array.shape), dtype))
        made[-1].set_data_from_numpy(array)
    return made
