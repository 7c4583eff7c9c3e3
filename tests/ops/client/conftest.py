"""One server for all tests of the client: the whole frontend and a worker, over a fake Triton."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.stack.postgres import EmbeddedPostgres
from tests.live import Live, live_server

Run = Callable[..., Result]


@pytest.fixture(scope="package")
def live(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(postgres, tmp_path_factory.mktemp("files")) as live:
        yield live


@pytest.fixture
def run(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in an empty folder."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the server's, in here
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRITONE_URL", live.url)
    monkeypatch.setenv("TRITONE_KEY", live.key)

    def run(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=text)

    return run
