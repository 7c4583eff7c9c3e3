"""One server for all clients."""

from collections.abc import Iterator

import pytest

from ops.stack.postgres import EmbeddedPostgres
from tests.live import Live, live_server


@pytest.fixture(autouse=True)
def _no_environment() -> None:
    """The programs get an environment of their own."""


@pytest.fixture(scope="session")
def live(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(postgres, tmp_path_factory.mktemp("files")) as live:
        yield live
