"""What the contract tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ops.stack.postgres import EmbeddedPostgres
from tests.fakes import FakeGateway
from tests.frontend.contracts.workbench import Workbench, workbench

# Tests share two cores with a Triton: how long an example takes says nothing.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
async def bench(
    postgres: EmbeddedPostgres, gateway: FakeGateway, tmp_path: Path
) -> AsyncIterator[Workbench]:
    """The app with jobs in a real database and files in a temporary folder."""
    async with workbench(postgres, gateway, tmp_path / "files") as bench:
        yield bench
