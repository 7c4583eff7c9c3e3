"""Child processes, each the leader of its own session, and processes that a dead stack left."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import psutil

from ops.processes.accounts import Account

INSTANCE_VARIABLE = "TRITONE_INSTANCE"
"""Environment variable by which every process of a stack can be found: its shared memory prefix.

The database has none: the next start finds it by its folder.
"""

_MAX_LINE_BYTES = 1 << 20


class Child:
    """A process group of our own."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.Task[None]) -> None:
        """Take over what `start` made."""
        self._process = process
        self._output = output

    @classmethod
    async def start(
        cls,
        command: list[str],
        environment: dict[str, str],
        show: Callable[[str], None],
        account: Account | None = None,
    ) -> "Child":
        """Start a command in a session of its own, so that a Ctrl-C reaches us alone.

        Every line that its group writes goes to `show`. Without an account it runs as ours.
        """
        # A pipe of our own: with asyncio's, `wait` would also wait for whoever inherited it, and
        # stubs outlive a crashed server.
        output_fd, input_fd = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=input_fd,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                **({} if account is None else account.run_as()),
            )
        finally:
            os.close(input_fd)
        return cls(process, asyncio.create_task(_read_lines(output_fd, show)))

    @property
    def pid(self) -> int:
        """Process and group id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """The leader has not ended."""
        return self._process.returncode is None

    @property
    def is_stopped(self) -> bool:
        """Somebody has sent the leader SIGSTOP."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

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

    async def end(self) -> None:
        """Kill what is left of the group, and return when its last line has been shown."""
        self.kill_group()
        await self._process.wait()
        await self._output


async def _read_lines(output_fd: int, show: Callable[[str], None]) -> None:
    reader = asyncio.StreamReader(_MAX_LINE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output_fd, "rb")
    )
    while not reader.at_eof():
        with suppress(ValueError):  # a line beyond the limit is dropped, not the stream
            line = (await reader.readline()).decode(errors="replace").rstrip()
            if line:
                show(line)
    transport.close()


def kill_instance(prefix: str) -> int:
    """Kill what is left of a dead stack; return how many processes that were."""
    killed = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(INSTANCE_VARIABLE) == prefix:
                process.kill()
                killed += 1
    return killed
