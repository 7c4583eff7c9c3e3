"""The worker of the jobs as a supervised service."""

import asyncio
import sys

from ops.processes.http import answers_ok
from ops.processes.supervisor import Pulse, Service, Supervisor
from ops.settings import Settings
from ops.stack.environment import loopback_for
from tritone.environment import HOST, WORKER_METRICS_PORT

_START_TIMEOUT_S = 60.0
_PROBE_TIMEOUT_S = 2.0


class Worker:
    """A running worker process."""

    def __init__(self, settings: Settings, environment: dict[str, str]) -> None:
        """Start nothing yet; the environment is the frontend's, and names the metrics' port."""
        self.url = ""  # nobody calls it: it takes its jobs from the database
        host = loopback_for(environment[HOST])
        self.metrics_url = url = f"http://{host}:{environment[WORKER_METRICS_PORT]}/metrics"
        self._drain_timeout_s = settings.drain_timeout_s
        self._supervisor = Supervisor(
            Service(
                name="worker",
                command=lambda: [sys.executable, "-m", "frontend.jobs"],
                environment=environment,
                is_ready=lambda: answers_ok(url, _PROBE_TIMEOUT_S),
                clean_up=lambda: None,
                start_timeout_s=_START_TIMEOUT_S,
                pulse=Pulse(
                    is_felt=lambda timeout_s: answers_ok(url, timeout_s),
                    timeout_s=settings.hang_timeout_s,
                ),
            )
        )
        self.is_ready = asyncio.Event()
        self.is_ready.set()  # sounds are made without it: nobody waits for it

    async def run(self) -> None:
        """Keep the worker running until cancelled.

        Raises:
            CannotStart: it did not answer even once.
        """
        await self._supervisor.run()

    async def stop(self) -> None:
        """Let the jobs in flight end, or have them given back."""
        await self._supervisor.stop(self._drain_timeout_s)

    def kill(self) -> None:
        """End the process at once; its jobs begin anew elsewhere."""
        self._supervisor.kill()
