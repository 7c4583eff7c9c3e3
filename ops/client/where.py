"""Which server to ask: the one that is named, the one that runs here, or one for the moment."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httpx2

from ops.client.errors import ClientError
from ops.client.guests import alone, visiting
from ops.client.server import Server
from ops.polling import within
from ops.processes.http import fetch_json
from ops.settings import Settings, copy_environment
from ops.stack import running_stack, state_folder
from ops.stack.environment import frontend_url
from tritone.environment import PORT

_LOOK_S = 2.0
_START_S = 300.0
_ANNOUNCE_S = 60.0  # from owning the state folder to saying where it is
_CONNECT_S = 5.0
_READY = "ready: "

Say = Callable[[str], None]
"""Told each stage as it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the command line says of the server."""

    url: str | None
    key: str | None


@asynccontextmanager
async def server(settings: Settings, choice: Choice, say: Say) -> AsyncIterator[Server]:
    """Give a server that answers; one that was started for the moment is stopped again.

    Raises:
        ClientError: there is none, and none can be started.
    """
    folder = settings.resolved_state_directory()
    async with visiting(folder):
        url = choice.url or await _find_here(settings, say)
        if url is not None:
            async with _connect(url, choice.key) as found:
                yield found
            return
    async with AsyncExitStack() as momentary:
        try:
            url = await momentary.enter_async_context(_started(folder, say))
        except ClientError:
            if state_folder.read_holder(folder) is None:
                raise
            url = None
        if url is not None:
            async with _connect(url, choice.key) as found:
                yield found
            return
    # Another command was faster: its stack has the folder.
    async with server(settings, choice, say) as found:
        yield found


@asynccontextmanager
async def _connect(url: str, key: str | None) -> AsyncIterator[Server]:
    if not url.startswith(("http://", "https://")):
        raise ClientError(f"{url} is no address; give one such as http://localhost:8080")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(None, connect=_CONNECT_S)
    is_here = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
    async with httpx2.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=timeout,
        trust_env=not is_here,  # a proxy does not reach this machine's servers
    ) as http:
        yield Server(http)


async def _find_here(settings: Settings, say: Say) -> str | None:
    """Return the frontend of the stack with our state folder, or whose port is ours."""
    folder = settings.resolved_state_directory()
    if running_stack.find(folder) is None and state_folder.read_holder(folder) is not None:
        say("waiting for the stack that starts")
        await within(_ANNOUNCE_S, lambda: _is_announced(folder))
    stack = running_stack.find(folder)
    if stack is not None and stack.frontend is not None:
        url = stack.frontend
        if not await _serves(url):
            say("waiting for the stack that starts")
            await within(_START_S, lambda: _serves(url))
        return url
    url = frontend_url(settings, settings.port)
    return url if settings.port and await _serves(url) else None


async def _is_announced(folder: Path) -> bool:
    return running_stack.find(folder) is not None or state_folder.read_holder(folder) is None


async def _serves(url: str) -> bool:
    body = await fetch_json(f"{url}/readyz", _LOOK_S)
    return isinstance(body, dict) and bool(body.get("models"))


@asynccontextmanager
async def _started(folder: Path, say: Say) -> AsyncIterator[str]:
    """Run a stack of our own on a free port; give its address."""
    say("no server runs: starting one for the moment (`tritone up` keeps one)")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "up", "--quiet"),
        env=copy_environment() | {PORT: "0"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is ours alone
    )
    told = asyncio.create_task(_last_line(cast("asyncio.StreamReader", process.stderr), say))
    try:
        out = cast("asyncio.StreamReader", process.stdout)
        line = (await out.readline()).decode()
        if not line.startswith(_READY):
            raise ClientError((await told).removeprefix("tritone: ") or "the stack did not start")
        yield line.removeprefix(_READY).strip()
    finally:
        async with alone(folder, lambda: say("waiting for another command to end")):
            if process.returncode is None:
                say("stopping the server")
                process.terminate()
            await process.wait()
        told.cancel()


async def _last_line(lines: asyncio.StreamReader, say: Say) -> str:
    last = ""
    async for line in lines:
        last = line.decode(errors="replace").strip()
        say(last)
    return last
