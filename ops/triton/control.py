"""Managing a running Triton over gRPC: readiness, reloading, draining."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc.aio import InferenceServerClient, InferInput, InferResult
from tritonclient.grpc.model_config_pb2 import ModelConfig
from tritonclient.utils import InferenceServerException

from ops.errors import TritonCallFailed
from ops.polling import until
from tritone.card import SPEAKER, component_name
from tritone.probes import PROBE
from tritone.tensors import PROGRESS, QUERY, SEED

_CALL_TIMEOUT_S = 5.0
_LOAD_TIMEOUT_S = 120.0

_NO_SEED = np.zeros((1, 1), np.int64)  # Triton refuses a request without any input

# A restarting server is tried again at once; gRPC's own back-off grows to two minutes.
_CHANNEL = [
    ("grpc.enable_http_proxy", 0),  # `http_proxy` is for the web, not for our own Triton
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Also how long one attempt may take: a shorter one never reaches a Triton that is far or busy.
    ("grpc.min_reconnect_backoff_ms", round(1000 * _CALL_TIMEOUT_S)),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Clients of one process share a connection, and with it the failure of a server long replaced.
    ("grpc.use_local_subchannel_pool", 1),
    # A minute of stereo is 10 MB; gRPC's own limit is 4.
    ("grpc.max_receive_message_length", -1),
]


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except InferenceServerException as error:
        raise TritonCallFailed(error.message() or str(error)) from error
    except grpc.RpcError as error:  # a stream's, which the client passes on as it is
        raise TritonCallFailed(error.details() or str(error)) from error


class TritonControl:
    """The management calls of one Triton. Make it inside a running event loop."""

    def __init__(self, url: str) -> None:
        """Connect when first used."""
        self._client = InferenceServerClient(url, channel_args=_CHANNEL)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def is_ready(self, models: Sequence[str]) -> bool:
        """Return whether the server answers and each of the models is ready."""
        with suppress(TritonCallFailed):
            index = await self.index()
            return all("READY" in index.get(model, {}).values() for model in models)
        return False

    async def is_live(self, timeout_s: float) -> bool:
        """Return whether the server answers at all."""
        with suppress(TritonCallFailed), _failures():
            return bool(await self._client.is_server_live(client_timeout=timeout_s))
        return False

    async def is_server_ready(self) -> bool:
        """Return what Triton's own readiness probe says: no version has failed to load.

        Raises:
            TritonCallFailed: the server does not answer.
        """
        with _failures():
            return bool(await self._client.is_server_ready(client_timeout=_CALL_TIMEOUT_S))

    async def index(self) -> dict[str, dict[str, str]]:
        """Return the state of every version of every model; empty where it was never loaded.

        Raises:
            TritonCallFailed: the server does not answer.
        """
        states: dict[str, dict[str, str]] = {}
        for model, version, state, _ in await self.states():
            states.setdefault(model, {})[version] = state
        return states

    async def states(self) -> list[tuple[str, str, str, str]]:
        """Return name, version, state and its reason of everything that Triton knows.

        Raises:
            TritonCallFailed: the server does not answer.
        """
        with _failures():
            answer = await self._client.get_model_repository_index(client_timeout=_CALL_TIMEOUT_S)
        return [(m.name, m.version, m.state, m.reason) for m in answer.models]

    async def config(self, model: str) -> ModelConfig:
        """Return the configuration that a model runs with.

        Raises:
            TritonCallFailed: it is not loaded, or the server does not answer.
        """
        with _failures():
            answer = await self._client.get_model_config(model, client_timeout=_CALL_TIMEOUT_S)
        return answer.config

    async def load(
        self,
        model: str,
        *,
        config: str | None = None,
        files: dict[str, bytes] | None = None,
        timeout_s: float = _LOAD_TIMEOUT_S,
    ) -> None:
        """Load a model, or reload it where its files have changed.

        `config` is used instead of the one in its folder, until the files change or it is unloaded;
        with `files`, by path in its folder, the model needs no folder at all.

        Raises:
            TritonCallFailed: it does not load; what was loaded stays.
        """
        named = {f"file:{path}": content for path, content in (files or {}).items()}
        with _failures():
            await self._client.load_model(
                model, config=config, files=named or None, client_timeout=timeout_s
            )

    async def ask(
        self,
        model: str,
        inputs: list[InferInput],
        parameters: dict[str, str],
        timeout_s: float,
        version: str = "",
    ) -> list[InferResult]:
        """Return every answer to one request; the stream is read to its end.

        Raises:
            TritonCallFailed: the request failed.
        """

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield {
                "model_name": model,
                "model_version": version,
                "inputs": inputs,
                "parameters": parameters,
                "timeout": int(timeout_s * 1e6),  # microseconds
            }

        answers, failure = [], None
        stream = self._client.stream_infer(requests(), stream_timeout=timeout_s)
        with _failures():
            async for answer, error in stream:
                failure = failure or error
                answers += [answer] if error is None else []
            if failure is not None:
                raise failure
        return answers

    async def count_texts(self, model: str, versions: Iterable[str]) -> int:
        """Return how many texts some versions of a model that speaks are at; other models: 0.

        Triton does not tell: an ensemble lets go of its request when its only step has it. And it
        refuses control requests to a version that it unloads, so that a stream would stall.
        """
        counts = 0
        for version in versions:
            tensor = InferInput(SEED, [1, 1], "INT64").set_data_from_numpy(_NO_SEED)
            speaker, probe = component_name(model, SPEAKER), {QUERY: PROBE}
            with suppress(TritonCallFailed):  # a dead speaker has none
                answers = await self.ask(speaker, [tensor], probe, _CALL_TIMEOUT_S, version)
                counts += sum(int(answer.as_numpy(PROGRESS).flat[0]) for answer in answers)
        return counts

    async def unload(self, model: str) -> None:
        """Unload a model once its requests in flight have ended.

        Raises:
            TritonCallFailed: the server does not answer.
        """
        with _failures():
            await self._client.unload_model(model, client_timeout=_CALL_TIMEOUT_S)

    async def drain(self, models: Sequence[str]) -> None:
        """Refuse new requests to the models and return when none is in flight.

        Raises:
            TritonCallFailed: the server does not answer.
        """
        index = await self.index()
        for model in models:
            if "READY" in index.get(model, {}).values():
                await self.unload(model)

        async def are_idle() -> bool:
            index = await self.index()
            states = {state for model in models for state in index.get(model, {}).values()}
            return not states & {"READY", "UNLOADING"} and not await n_texts(index)

        async def n_texts(index: dict[str, dict[str, str]]) -> int:
            found = 0
            for model in models:
                versions = index.get(component_name(model, SPEAKER), {})
                ready = [each for each, state in versions.items() if state == "READY"]
                found += await self.count_texts(model, ready)
            return found

        await until(are_idle)
