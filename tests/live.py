"""The whole frontend on a loopback port: keys on, jobs in a real database, a real worker."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from frontend.app import create_app
from frontend.contracts.table import WEBHOOK_BODIES
from frontend.http.connections import KEEP_ALIVE_S, BoundedConnection, ConnectionTable
from frontend.jobs.startup import JobSystemSettings, open_jobs
from frontend.jobs.worker import Worker
from frontend.storage.settings import StorageSettings
from frontend.triton.gateway import Catalog
from ops.stack.postgres import EmbeddedPostgres
from tests.cards import STARTER_LIKE, TALKER
from tests.conftest import make_settings
from tests.fakes import FakeGateway
from tests.frontend.contracts.workbench import AppMaker
from tests.frontend.database.server import new_database
from tests.frontend.jobs.job_settings import make_job_settings

KEY = "a-key-of-the-tests"
_START_S = 30.0
_MAX_CONNECTIONS = 1000


@dataclass
class Live:
    """A running server."""

    url: str
    gateway: FakeGateway = field(
        default_factory=lambda: FakeGateway(Catalog(cards=(STARTER_LIKE,), speech_cards=(TALKER,)))
    )
    key: str = KEY
    settings: dict[str, object] = field(default_factory=dict)
    loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be made until the block ends."""
        assert self.loop is not None
        gate = self.gateway.gate = asyncio.Event()
        try:
            yield
        finally:
            self.gateway.gate = None
            self.loop.call_soon_threadsafe(gate.set)


@contextmanager
def live_server(
    postgres: EmbeddedPostgres,
    folder: Path,
    *,
    prefix: str = "",
    jobs: dict[str, object] | None = None,
    **settings: object,
) -> Iterator[Live]:
    """Serve until the block ends; `settings` are changes to the default ones, `jobs` to the jobs'.

    With a `prefix`, all of it is there alone, as behind a proxy that takes it off.
    """
    with _listening() as listening:
        live = Live(f"http://127.0.0.1:{listening.getsockname()[1]}{prefix}", settings=settings)
        job_settings = make_job_settings(new_database(postgres), folder, jobs=jobs)
        storage = StorageSettings(url=str(folder), public_url=live.url)
        serving = _Serving(live, replace(job_settings, storage=storage), listening, prefix)
        thread = threading.Thread(target=serving.run, daemon=True)
        thread.start()
        try:
            assert serving.is_up.wait(_START_S), "the server did not start"
            yield live
        finally:
            serving.stop()
            thread.join(_START_S)


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


class _Serving:
    """An event loop of its own, in a thread."""

    def __init__(
        self, live: Live, job_settings: JobSystemSettings, listening: socket.socket, prefix: str
    ) -> None:
        self._live = live
        self._job_settings = job_settings
        self._listening = listening
        self._prefix = prefix
        self._server: uvicorn.Server | None = None
        self.is_up = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True

    async def _serve(self) -> None:
        self._live.loop = asyncio.get_running_loop()
        given = {"keys": {"static": [self._live.key]}, **self._live.settings}
        app = create_app(make_settings(**given), self._live.gateway)
        config = uvicorn.Config(
            _take_off(self._prefix, app),
            http=partial(BoundedConnection, table=ConnectionTable(_MAX_CONNECTIONS)),  # type: ignore[arg-type]
            timeout_keep_alive=KEEP_ALIVE_S,
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        stop = asyncio.Event()
        async with open_jobs(self._job_settings, WEBHOOK_BODIES, patience_s=10.0) as system:
            app.state.jobs = system
            worker = Worker(
                system, AppMaker(app.state.generator, app.state.speaker), drain_timeout_s=2.0
            )
            working = asyncio.create_task(worker.run(stop))
            self.is_up.set()  # connections wait in the socket until uvicorn takes them
            await self._server.serve(sockets=[self._listening])
            stop.set()
            await working


def _take_off(prefix: str, app: ASGIApp) -> ASGIApp:
    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and prefix:
            if not scope["path"].startswith(f"{prefix}/"):
                await PlainTextResponse("not ours", 404)(scope, receive, send)
                return
            scope = {**scope, "path": scope["path"].removeprefix(prefix)}
        await app(scope, receive, send)

    return proxy
