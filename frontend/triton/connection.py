"""The connection to one Triton."""

import tritonclient.grpc.aio as triton

from frontend.triton.gateway import AWAY_PAUSE_S

_NO_LIMIT_BYTES = 2**31 - 1
_CHANNEL: tuple[tuple[str, int], ...] = (
    ("grpc.enable_http_proxy", 0),  # `http_proxy` is for the web, not for our own Triton
    ("grpc.max_send_message_length", _NO_LIMIT_BYTES),
    ("grpc.max_receive_message_length", _NO_LIMIT_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own back-off grows to two minutes: a restarted Triton would stay "away" that long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", round(1000 * AWAY_PAUSE_S)),
)


class Connection:
    """Connects at the first use."""

    def __init__(self, url: str) -> None:
        """`url` is HOST:PORT of Triton's gRPC API."""
        self._url = url
        self._client: triton.InferenceServerClient | None = None

    @property
    def client(self) -> triton.InferenceServerClient:
        """The client of the running event loop."""
        # A gRPC channel belongs to the loop it is made in: not before the server runs.
        if self._client is None:
            self._client = triton.InferenceServerClient(self._url, channel_args=list(_CHANNEL))
        return self._client

    async def close(self) -> None:
        """Disconnect, if anybody connected."""
        if self._client is not None:
            await self._client.close()
