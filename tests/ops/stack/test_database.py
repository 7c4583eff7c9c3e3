"""The job database as a part of the stack: what ends, stops or silences it, it comes back."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from ops.settings import Settings
from ops.stack import database as module
from ops.stack import postgres
from ops.stack.database import JobDatabase
from ops.stack.postgres import EmbeddedPostgres

TIMEOUT_S = 30.0


@pytest.fixture
def folder() -> Iterator[Path]:
    # pytest's own temporary folders are private to us; where we are root, the database is not.
    with tempfile.TemporaryDirectory(prefix="tritone-database-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def database(folder: Path) -> AsyncIterator[JobDatabase]:
    database = JobDatabase(Settings(state_directory=folder))
    await database.start()
    running = asyncio.create_task(database.run())
    yield database
    running.cancel()
    await database.stop()


def postmaster(database: JobDatabase) -> psutil.Process:
    return psutil.Process(database._postgres.pid)


async def until_replaced(database: JobDatabase, old: psutil.Process) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            new_pid = database._postgres.pid
            is_new = new_pid not in {0, old.pid} and database._postgres.is_alive
            if is_new and await asyncio.to_thread(database._postgres.answers, 2.0):
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", ["kill", "suspend"])
async def test_a_dead_or_stopped_database_comes_back_on_the_same_port(
    database: JobDatabase, fault: str
) -> None:
    old, url = postmaster(database), database.url
    getattr(old, fault)()
    await until_replaced(database, old)
    assert database.url == url
    assert not old.is_running()


async def test_a_database_whose_every_process_is_stopped_comes_back(database: JobDatabase) -> None:
    old = postmaster(database)
    for process in (*old.children(), old):
        process.suspend()
    await until_replaced(database, old)


async def test_a_database_that_answers_nothing_is_replaced(
    database: JobDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, answers = postmaster(database), EmbeddedPostgres.answers
    monkeypatch.setattr(
        EmbeddedPostgres,
        "answers",
        lambda self, timeout_s: self.pid != old.pid and answers(self, timeout_s),
    )
    monkeypatch.setattr(module, "_LOOKS_PER_QUESTION", 1)
    await until_replaced(database, old)


@pytest.mark.parametrize("fault", ["kill", "suspend"])
async def test_a_database_that_is_struck_in_its_first_start_is_started_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    struck: list[int] = []
    is_ready = EmbeddedPostgres._is_ready

    def strike_once(self: EmbeddedPostgres) -> bool:
        if not struck and self.pid:
            struck.append(self.pid)
            getattr(psutil.Process(self.pid), fault)()
        return is_ready(self)

    monkeypatch.setattr(EmbeddedPostgres, "_is_ready", strike_once)
    monkeypatch.setattr(postgres, "_STOPPED_S", 0.1)
    monkeypatch.setattr(postgres, "_START_TIMEOUT_S", 20.0)
    database = JobDatabase(Settings(state_directory=folder))
    await database.start()
    assert struck
    assert database.is_ready.is_set()
    await database.stop()
