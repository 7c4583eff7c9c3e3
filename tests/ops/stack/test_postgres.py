import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from ops.errors import CannotStart
from ops.stack.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def reachable_folder() -> Iterator[Path]:
    # pytest's own temporary folders are private to us; the server runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="tritone-postgres-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def folder(reachable_folder: Path) -> Path:
    """One cluster for most tests: making one is the slow part."""
    return reachable_folder / "state" / "postgres"


def _value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return None if row is None else row[0]


def test_it_starts_again_and_keeps_what_is_written(folder: Path) -> None:
    # The first start makes the cluster and flushes the whole disk: 0.8 s where nobody else writes.
    with EmbeddedPostgres(folder) as database, psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert not database.is_alive
    with EmbeddedPostgres(folder) as database:
        assert _value(database.url, "SELECT answer FROM kept") == 42


def test_what_is_committed_is_safe_from_a_power_cut(folder: Path) -> None:
    with EmbeddedPostgres(folder) as database:
        for option in ("fsync", "full_page_writes", "synchronous_commit"):
            assert _value(database.url, f"SHOW {option}") == "on"


def test_it_does_not_run_as_root_and_wants_its_password(folder: Path) -> None:
    with EmbeddedPostgres(folder) as database:
        assert psutil.Process(database.pid).uids().effective != 0
        user, rest = database.url.removeprefix("postgresql://").split(":", 1)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{user}:guess@{rest.split('@')[1]}")
    assert folder.stat().st_mode & 0o077 == 0


def test_it_comes_back_on_the_same_port_after_kill_9(folder: Path) -> None:
    database = EmbeddedPostgres(folder)
    database.start()
    url = database.url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE survivor (n int)")
        connection.execute("INSERT INTO survivor VALUES (7)")
        database.kill()
    assert not database.is_alive
    database.start()
    assert database.url == url
    assert _value(url, "SELECT n FROM survivor") == 7
    database.stop()


def test_a_database_that_a_killed_stack_left_running_is_ended_first(folder: Path) -> None:
    left = EmbeddedPostgres(folder)
    left.start()
    with EmbeddedPostgres(folder) as database:
        assert _value(database.url, "SELECT 1") == 1
        assert not left.is_alive
    left.stop()


@pytest.mark.parametrize("first_line", ["{ours}", "", "12x"])
def test_a_pid_file_that_is_of_no_database_is_no_obstacle(folder: Path, first_line: str) -> None:
    """Its number belongs to somebody else, or its writer was killed before it wrote one."""
    with EmbeddedPostgres(folder):
        pid_file = folder / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text(
        "\n".join([first_line.format(ours=os.getpid()), *lines[1:]]) if first_line else ""
    )
    with EmbeddedPostgres(folder) as database:
        assert _value(database.url, "SELECT 1") == 1
    os.kill(os.getpid(), 0)  # we live


def test_an_interrupted_first_start_is_begun_again(reachable_folder: Path) -> None:
    folder = reachable_folder / "interrupted"
    (folder / "unfinished").mkdir(parents=True)
    (folder / "unfinished" / "half").touch()
    with EmbeddedPostgres(folder) as database:
        assert _value(database.url, "SELECT 1") == 1


def test_stopping_twice_or_never_started_does_nothing(folder: Path) -> None:
    database = EmbeddedPostgres(folder)
    database.stop()
    database.kill()
    assert database.pid == 0
    database.start()
    database.stop()
    database.stop()


def test_a_server_that_ends_at_once_says_why(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    with (folder / "data" / "postgresql.auto.conf").open("a") as options:
        options.write("no_such_option = 1\n")
    with pytest.raises(CannotStart, match="no_such_option"):
        EmbeddedPostgres(folder).start()
    (folder / "data" / "postgresql.auto.conf").write_text("")


def test_a_client_that_does_not_leave_does_not_delay_the_end(folder: Path) -> None:
    database = EmbeddedPostgres(folder)
    database.start()
    with psycopg.connect(database.url):
        start = time.monotonic()
        database.stop()
        assert time.monotonic() - start < 15  # a stop that waits for clients takes twenty


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the account")
def test_a_folder_that_nobody_can_reach_is_refused_with_a_remedy(reachable_folder: Path) -> None:
    private = reachable_folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(CannotStart, match="TRITONE_STATE_DIRECTORY"):
        EmbeddedPostgres(private / "postgres").start()
