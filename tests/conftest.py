"""What many tests need: settings without the environment, the app without a network, a database."""

import gc
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from starlette.routing import BaseRoute
from xdist.scheduler.loadfile import LoadFileScheduling

import ops  # noqa: F401 -- before gRPC: it says how processes are started
from frontend.settings import Settings
from frontend.triton.gateway import Catalog, Gateway
from tests.cards import STARTER_LIKE, TALKER
from tests.fakes import FakeGateway
from tritone.card import ModelCard

if TYPE_CHECKING:
    from ops.stack.postgres import EmbeddedPostgres

SHARED_IN = {
    "exported networks": ("tests/export/",),
    "a corpus": ("tests/starter/",),
    "torch": ("tests/backends/transformers/",),
    "`served`": tuple(
        f"tests/acceptance/test_{name}.py"
        for name in (
            "added_voices", "command", "examples", "leavers", "page", "printed_examples", "rest",
            "speech_http",
        )
    ),
    "`stack` and `sharing_stack`": tuple(
        f"tests/acceptance/test_{name}.py"
        for name in ("denoiser", "gateway", "lifecycle", "metrics", "speech", "turns")
    ),
}  # fmt: skip
"""What takes long to make, and the tests that share it: one worker gets them all."""

ClientFactory = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]

# Garbage is looked for again and again among millions of objects that stay: half the time of the
# collection of tests, a seventh of that of the tests.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make, and more rarely."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


_OF_ALL_TESTS = re.compile(r"^pytestmark = (?:\[[^\]]*\]|.*)", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files of drills where none is wanted: some take ten seconds to import."""
    if config.option.markexpr != "not drill" or collection_path.suffix != ".py":
        return None
    marks = _OF_ALL_TESTS.search(collection_path.read_text("utf-8"))
    return True if marks and "pytest.mark.drill" in marks[0] else None


class _ByFileOrMore(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker a whole file, or all files that share what is dear."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (what for what, paths in SHARED_IN.items() if nodeid.startswith(paths))
        return next(shared, str(super()._split_scope(nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return _ByFileOrMore(config, log)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    # Unconfigured, structlog draws tracebacks with all local variables: seconds each.
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRITONE_"):
            monkeypatch.delenv(name)


def make_settings(**changes: object) -> Settings:
    """Return the default settings with changes; groups are given as dicts."""
    return Settings.model_validate(changes)


@pytest.fixture
def settings() -> Settings:
    return make_settings()


@pytest.fixture
def card() -> ModelCard:
    return STARTER_LIKE


@pytest.fixture
def gateway(card: ModelCard) -> FakeGateway:
    return FakeGateway(Catalog(cards=(card,), speech_cards=(TALKER,)))


def make_app(settings: Settings, gateway: Gateway) -> FastAPI:
    """Return the application, with the routes of the process's first one.

    They are the same in all, and FastAPI builds them in 60 ms: most of what a short test takes.
    """
    from frontend.app import create_app

    app = create_app(settings, gateway)
    app.router.routes[:] = _first_routes()
    return app


@cache
def _first_routes() -> list[BaseRoute]:
    from frontend.app import create_app

    return create_app(make_settings(), FakeGateway(Catalog(cards=()))).router.routes


@asynccontextmanager
async def _client(
    gateway: Gateway,
    settings: Settings | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[httpx2.AsyncClient]:
    app = make_app(settings or make_settings(), gateway)
    # Unexpected errors are answered by the app itself; what still escapes must fail the test.
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://tritone", headers=headers
    ) as each:
        yield each


@pytest.fixture
def client_of() -> ClientFactory:
    """Return a factory: `async with client_of(gateway, settings) as client`."""
    return _client


@pytest.fixture
async def client(gateway: FakeGateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app over the fake gateway, with default settings."""
    async with _client(gateway) as each:
        yield each


@pytest.fixture(scope="session")
def postgres() -> "Iterator[EmbeddedPostgres]":
    """One PostgreSQL for all tests of a process; each makes a database of its own in it."""
    from tests.frontend.database.server import running_server

    with running_server() as server:
        yield server
