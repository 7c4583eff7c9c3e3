"""One server for all clients."""

from collections.abc import Iterator

import pytest

from tests.live import Live, live_server


@pytest.fixture(autouse=True)
def _no_environment() -> None:
    """The programs get an environment of their own."""


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("files")) as live:
        yield live
