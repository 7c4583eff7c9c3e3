"""The frontend as a supervised service."""

import sys

from ops.processes.http import answers_ok, fetch_json
from ops.processes.ports import choose_ports
from ops.processes.supervisor import Pulse, Service, Supervisor
from ops.settings import Settings
from tritone.environment import PORT

_START_TIMEOUT_S = 240.0  # it is ready once Triton is
_PROBE_TIMEOUT_S = 2.0


def frontend_port(settings: Settings) -> int:
    """Return the port that the frontend shall listen on.

    Raises:
        CannotStart: it is taken.
    """
    return choose_ports({PORT: settings.port}, settings.host)[PORT]


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
                is_ready=lambda: _serves(url),
                clean_up=lambda: None,
                start_timeout_s=_START_TIMEOUT_S,
                pulse=Pulse(
                    is_felt=lambda timeout_s: answers_ok(f"{url}/livez", timeout_s),
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


async def _serves(url: str) -> bool:
    """Return whether some model is served; /readyz itself is stricter, for balancers."""
    body = await fetch_json(f"{url}/readyz", _PROBE_TIMEOUT_S)
    return isinstance(body, dict) and bool(body.get("models"))
