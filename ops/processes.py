"""Child processes, each the leader of its own session, and processes that a dead stack left."""

import asyncio
import os
import signal
from contextlib import suppress

import psutil

from ops import logs

INSTANCE_VARIABLE = "TRITONE_INSTANCE"
"""Environment variable by which every process of a stack can be found: its shared memory prefix."""

_MAX_LINE_BYTES = 1 << 20


class Child:
    """A process group whose output appears on our stderr."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Take over a process that `start` made."""
        self.name = name
        self._process = process
        self._output = asyncio.create_task(self._show_output())

    @classmethod
    async def start(cls, name: str, command: list[str], environment: dict[str, str]) -> "Child":
        """Start a command in a session of its own, so that a Ctrl-C reaches us alone."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_MAX_LINE_BYTES,
            start_new_session=True,
        )
        return cls(name, process)

    @property
    def pid(self) -> int:
        """Process and group id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """The leader has not ended."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the leader's exit code once it ended."""
        return await self._process.wait()

    async def ends_within(self, timeout_s: float) -> bool:
        """Return whether the leader ended in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), timeout_s)
        return not self.is_alive

    def terminate(self) -> None:
        """Ask the leader to leave."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill_group(self) -> None:
        """End every process of the group at once; stubs can outlive a crashed server."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _show_output(self) -> None:
        stream = self._process.stdout
        while stream is not None and not stream.at_eof():
            with suppress(ValueError):  # a line beyond the limit is dropped, not the stream
                line = (await stream.readline()).decode(errors="replace").rstrip()
                if line:
                    logs.show(self.name, line)


def kill_instance(prefix: str) -> int:
    """Kill what is left of a dead stack; return how many processes that were."""
    killed = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(INSTANCE_VARIABLE) == prefix:
                process.kill()
                killed += 1
    return killed
