"""Managing a running Triton over gRPC: readiness, reloading, draining."""

from collections.abc import Sequence
from contextlib import suppress

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ops.polling import until

_CALL_TIMEOUT_S = 5.0
_LOAD_TIMEOUT_S = 120.0

# A restarting server is tried again at once; gRPC's own back-off grows to two minutes.
_RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]

TritonError = InferenceServerException


class TritonControl:
    """The management calls of one Triton. Make it inside a running event loop."""

    def __init__(self, url: str) -> None:
        """Connect when first used."""
        self._client = InferenceServerClient(url, channel_args=_RECONNECT)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def is_ready(self, models: Sequence[str]) -> bool:
        """Return whether the server answers and each of the models is ready."""
        with suppress(InferenceServerException):
            index = await self.index()
            return all("READY" in index.get(model, {}).values() for model in models)
        return False

    async def index(self) -> dict[str, dict[str, str]]:
        """Return the state of every version of every model; empty where it was never loaded.

        Raises:
            TritonError: the server does not answer.
        """
        answer = await self._client.get_model_repository_index(client_timeout=_CALL_TIMEOUT_S)
        states: dict[str, dict[str, str]] = {}
        for model in answer.models:
            states.setdefault(model.name, {})[model.version] = model.state
        return states

    async def load(self, model: str) -> None:
        """Load a model, or reload it where its files have changed.

        Raises:
            TritonError: it does not load; what was loaded stays.
        """
        await self._client.load_model(model, client_timeout=_LOAD_TIMEOUT_S)

    async def unload(self, model: str) -> None:
        """Unload a model once its requests in flight have ended.

        Raises:
            TritonError: the server does not answer.
        """
        await self._client.unload_model(model, client_timeout=_CALL_TIMEOUT_S)

    async def drain(self, models: Sequence[str]) -> None:
        """Refuse new requests to the models and return when none is in flight.

        Raises:
            TritonError: the server does not answer.
        """
        for model in models:
            await self.unload(model)

        async def are_idle() -> bool:
            index = await self.index()
            states = {state for model in models for state in index.get(model, {}).values()}
            return not states & {"READY", "UNLOADING"}

        await until(are_idle)
