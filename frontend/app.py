"""The application: makes the parts and connects them; it decides nothing itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from frontend.contracts.fallback import render_error, render_http_error, render_unexpected
from frontend.contracts.serving import include_contracts
from frontend.contracts.table import WEBHOOK_BODIES
from frontend.database.notifications import listen
from frontend.http import api_page, health
from frontend.http.access import PROBES, Access
from frontend.http.body_limit import BodyLimit
from frontend.http.disconnect import ClientGone
from frontend.http.head import HeadAsGet
from frontend.http.host_guard import HostGuard
from frontend.http.proxies import TrustedProxies
from frontend.http.scrape import Scrape
from frontend.http.security_headers import SecurityHeaders
from frontend.http.slashes import SingleSlashes
from frontend.jobs.startup import JobSystemSettings, open_jobs
from frontend.keys.gate import make_gate
from frontend.observe.metrics import Metrics
from frontend.passes.runner import PassRunner
from frontend.playground import routes as playground
from frontend.settings import Settings
from frontend.sounds.generator import Generator
from frontend.speech.model_files import ModelFiles
from frontend.speech.speaker import Speaker
from frontend.triton.gateway import Gateway
from frontend.triton.make import make_gateway
from frontend.triton.sound_watch import SoundWatch
from tritone import __version__
from tritone.tasks import end_tasks

_DATABASE_PATIENCE_S = 1.5  # of one request; a worker waits longer
_CLIENT_CLOSED_REQUEST = 499  # nginx's word for it; nobody reads it but the log


def create_app(settings: Settings, gateway: Gateway | None = None) -> FastAPI:
    """Return the application; `gateway` replaces Triton in tests."""
    metrics = Metrics()
    watch = SoundWatch(gateway or make_gateway(settings.triton, metrics), settings.triton)
    gate = make_gate(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            _build_routes(app)
            await watch.open()
            stack.push_async_callback(watch.close)
            await gate.open()
            stack.push_async_callback(gate.close)
            if settings.jobs.database_url is not None:
                jobs = open_jobs(
                    JobSystemSettings.of(settings),
                    WEBHOOK_BODIES,
                    _DATABASE_PATIENCE_S,
                    metrics,
                    accepts_at_once=True,
                )
                app.state.jobs = await stack.enter_async_context(jobs)
                url = settings.jobs.database_url.get_secret_value()
                doubts = asyncio.create_task(listen(url, "listen_to_doubts", watch.doubt))
                stack.push_async_callback(end_tasks, doubts)
            yield

    app = FastAPI(
        title="Tritone",
        version=__version__,
        description="Text in, sound out, behind the REST contracts people already use.",
        lifespan=lifespan,
        servers=[{"url": "."}],  # relative to the document: right behind a prefix, too
        docs_url=None,  # ours needs no internet
        redoc_url=None,
        telemetry={
            "metrics": False,  # ours are in /metrics
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,  # `tracing.configure` does it
            "exclude": lambda scope: scope["path"] in PROBES,
        },
    )
    _add_parts(app, settings, watch, metrics)
    app.state.gate = gate
    app.include_router(health.router)
    app.include_router(api_page.router)
    app.include_router(playground.router)
    include_contracts(app)
    _add_handlers(app)
    _add_middleware(app, settings, metrics)
    return app


def _add_parts(app: FastAPI, settings: Settings, gateway: Gateway, metrics: Metrics) -> None:
    """Make what routes need; they find it in the application's state."""
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.scrape = Scrape(metrics, settings.storage)
    runner = PassRunner(gateway, settings.admission, metrics)
    app.state.generator = Generator(runner, settings)
    app.state.speaker = Speaker(runner, settings)
    app.state.model_files = ModelFiles(settings.model_files)
    app.state.jobs = None  # without a database
    app.state.readiness = health.Readiness(gateway)


def _build_routes(app: FastAPI) -> None:
    """Build every route now: FastAPI 0.165 builds them when it looks for the first request's.

    That took the first clients 0.1 to 0.8 s, as fast as the machine was then.
    """
    nowhere = {"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    # From the inside out: each also sees what those before it answer themselves.
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, render=render_http_error)
    app.add_middleware(HostGuard, settings=settings, render=render_error)
    app.add_middleware(Access, metrics=metrics, render=render_unexpected)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,  # Chromium asks before a page may call a local address
            expose_headers=["*"],
        )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(TrustedProxies, settings=settings)
    app.add_middleware(SingleSlashes)


def _add_handlers(app: FastAPI) -> None:
    # A contract renders its own errors; these happen where no route, or no contract's, matched.
    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return render_http_error(request, error.status_code)

    @app.exception_handler(ClientGone)
    async def on_client_gone(_request: Request, _error: ClientGone) -> Response:
        return Response(status_code=_CLIENT_CLOSED_REQUEST)
