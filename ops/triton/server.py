"""Triton's command line and environment."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ops.processes.accounts import Account
from ops.processes.child import INSTANCE_VARIABLE
from ops.processes.ports import LOOPBACK
from ops.triton.closed_apis import close_apis
from ops.triton.closed_folder import ClosedFolder

EXIT_TIMEOUT_S = 30
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 -- asked for by a setting only
COMPLAINTS_WITHOUT_GPU = (
    "pinned_memory_manager.cc",
    "CudaDriverHelper has not been initialized",
    "unable to create stream for",
)
"""Triton is built for GPUs: without one it warns and logs errors at every start, all harmless."""

CRASHES = tuple(f"Signal ({number}) received" for number in (4, 6, 7, 8, 11))
"""What Triton writes as it crashes. Its handler can then wait for a lock of the heap for ever."""

_SOCKET_PORT = 8001  # a part of the socket's name: Triton wants one

REGION_BYTES = 1 << 20  # of shared memory, that a backend process begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonServer:
    """One Triton, ready to be started any number of times."""

    home: Path
    libpython_folder: Path
    folder: ClosedFolder
    backend_directory: Path
    model_repository: Path
    http_port: int | None  # None: it has no HTTP API
    grpc_port: int | None  # None: it has a socket in its folder
    metrics_port: int
    shared_memory_prefix: str
    logs_info: bool
    account: Account | None = None  # that it runs as; None: ours
    otlp_endpoint: str | None = None  # of a collector
    voice_repositories: tuple[Path, ...] = ()  # of the default voice, and of added ones
    address: str = LOOPBACK  # that its APIs listen on; this machine reaches them by loopback

    @property
    def repositories(self) -> list[Path]:
        """The folders that Triton loads models from."""
        return [self.model_repository, *self.voice_repositories]

    @property
    def url(self) -> str:
        """Address of the gRPC API."""
        if self.grpc_port is None:
            return f"unix:{self.folder.socket}:{_SOCKET_PORT}"
        return f"{LOOPBACK}:{self.grpc_port}"

    @property
    def metrics_url(self) -> str:
        """Address of the metrics."""
        return f"http://{LOOPBACK}:{self.metrics_port}/metrics"

    def command(self) -> list[str]:
        """Return the command line."""
        flags = {
            "backend-directory": self.folder.make_plain(self.backend_directory),
            **self._http(),
            **self._grpc(),
            "metrics-address": self.address,
            "metrics-port": self.metrics_port,
            "allow-gpu-metrics": "false",
            "model-control-mode": "explicit",
            # Models are loaded one by one, by the reconciler: a broken one ends nothing.
            "exit-on-error": "false",
            "strict-readiness": "true",
            "exit-timeout-secs": EXIT_TIMEOUT_S,
            "log-info": str(self.logs_info).lower(),
            "log-format": "ISO8601",
            **_KEEPALIVE,
        }
        python_backend = {
            "shm-region-prefix-name": self.shared_memory_prefix,
            "shm-default-byte-size": REGION_BYTES,
            "shm-growth-byte-size": REGION_BYTES,
        }
        return [
            str(self.home / "bin" / "tritonserver"),
            # Published configurations are complete; to complete one starts its stub twice.
            "--disable-auto-complete-config",
            *(f"--model-repository={self.folder.make_plain(each)}" for each in self.repositories),
            *(f"--{flag}={value}" for flag, value in flags.items()),
            *(f"--backend-config=python,{key}={value}" for key, value in python_backend.items()),
            *close_apis(),
            *(f"--trace-config={setting}" for setting in self._trace_settings()),
        ]

    def _http(self) -> dict[str, object]:
        if self.http_port is None:
            return {"allow-http": "false"}
        return {"http-address": self.address, "http-port": self.http_port}

    def _grpc(self) -> dict[str, object]:
        if self.grpc_port is None:
            return {"grpc-address": f"unix:{self.folder.socket}", "grpc-port": _SOCKET_PORT}
        return {"grpc-address": self.address, "grpc-port": self.grpc_port}

    def _trace_settings(self) -> list[str]:
        if self.otlp_endpoint is None:
            return []
        return [
            "mode=opentelemetry",
            "rate=0",  # only what a caller traces, and as part of the caller's trace
            "level=TIMESTAMPS",
            "count=-1",
            f"opentelemetry,url={self.otlp_endpoint.rstrip('/')}/v1/traces",
            "opentelemetry,resource=service.name=triton",
        ]

    def environment(self, inherited: dict[str, str]) -> dict[str, str]:
        """Return the environment for Triton and its stubs."""
        libraries = [str(self.libpython_folder), inherited.get("LD_LIBRARY_PATH", "")]
        # A stub ignores PYTHONPATH: it finds its packages through the first `python3` on PATH.
        folders = [str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]
        return {
            **inherited,
            "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
            "PATH": ":".join(folders),
            INSTANCE_VARIABLE: self.shared_memory_prefix,
        }


# Clients may ping every few seconds, also while nothing is sent; Triton's defaults hang up on that.
_KEEPALIVE = {
    "grpc-keepalive-time": 10_000,
    "grpc-keepalive-timeout": 5_000,
    "grpc-keepalive-permit-without-calls": 1,
    "grpc-http2-min-recv-ping-interval-without-data": 5_000,
    "grpc-http2-max-ping-strikes": 0,
    "grpc-http2-max-pings-without-data": 0,
}
