"""The frontend as a supervised service."""

import asyncio
import sys
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException

from ops.keys import DATABASE_URL, key_environment
from ops.ports import choose_ports
from ops.settings import Settings
from ops.supervisor import Pulse, Service, Supervisor

_START_TIMEOUT_S = 240.0  # it is ready once Triton is
_PROBE_TIMEOUT_S = 2.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- compared, not bound


def frontend_port(settings: Settings) -> int:
    """Return the port that the frontend shall listen on.

    Raises:
        CannotStart: it is taken.
    """
    return choose_ports({"TRITONE_PORT": settings.port}, settings.host)["TRITONE_PORT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the services of a stack are."""

    port: int  # of the frontend
    triton: str
    database: str | None  # None: there are no jobs


def frontend_url(settings: Settings, port: int) -> str:
    """Return where clients on this machine reach the frontend."""
    return f"http://{reachable(settings.host)}:{port}"


def reachable(host: str) -> str:
    """Return the host under which what listens on an address is reached from this machine."""
    return _ANY_ADDRESS.get(host, host)


def frontend_environment(settings: Settings, addresses: Addresses) -> dict[str, str]:
    """Return the environment of the frontend, and of the worker, which does the same later."""
    defaults = {
        "TRITONE_STORAGE__URL": str(settings.resolved_state_directory() / "files"),
        "TRITONE_STORAGE__PUBLIC_URL": frontend_url(settings, addresses.port),
    }
    ours = {
        "TRITONE_HOST": settings.host,
        "TRITONE_PORT": str(addresses.port),
        "TRITONE_TRITON__URL": addresses.triton,
    }
    if addresses.database is not None:
        ours[DATABASE_URL] = addresses.database
    return {**defaults, **key_environment(settings), **ours}


class Frontend:
    """A running frontend."""

    def __init__(self, settings: Settings, url: str, environment: dict[str, str]) -> None:
        """Start nothing yet; the environment is that of `frontend_environment`."""
        self.url = url
        self._drain_timeout_s = settings.drain_timeout_s
        self._supervisor = Supervisor(
            Service(
                name="frontend",
                command=lambda: [sys.executable, "-m", "frontend"],
                environment=environment,
                is_ready=lambda: self._answers("/readyz", _PROBE_TIMEOUT_S),
                clean_up=lambda: None,
                start_timeout_s=_START_TIMEOUT_S,
                pulse=Pulse(
                    is_felt=lambda timeout_s: self._answers("/livez", timeout_s),
                    timeout_s=settings.hang_timeout_s,
                ),
            )
        )
        self.is_ready = self._supervisor.is_ready

    async def run(self) -> None:
        """Keep the frontend running until cancelled.

        Raises:
            CannotStart: it did not become ready even once.
        """
        await self._supervisor.run()

    async def stop(self) -> None:
        """Refuse new requests, let those in flight end, then end the process."""
        await self._supervisor.stop(self._drain_timeout_s)

    def kill(self) -> None:
        """End the process at once."""
        self._supervisor.kill()

    async def _answers(self, probe: str, timeout_s: float) -> bool:
        return await asyncio.to_thread(_is_ok, f"{self.url}{probe}", timeout_s)


def _is_ok(url: str, timeout_s: float) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310
            return bool(response.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False
