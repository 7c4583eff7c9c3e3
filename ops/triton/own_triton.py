"""A Triton of our own: prepared, kept running, healed, drained."""

import asyncio
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.errors import CannotStart, TritonCallFailed
from ops.processes.accounts import Account, find_account, require_readable
from ops.processes.ports import LOOPBACK, choose_ports
from ops.processes.supervisor import Pulse, Service, Supervisor
from ops.settings import Settings, TritonSettings, copy_environment
from ops.triton import backend_directory
from ops.triton.closed_folder import own_folder
from ops.triton.control import TritonControl
from ops.triton.home import libpython_folder, triton_home
from ops.triton.probe import Probe
from ops.triton.published import PublishedModel, read_published, require_published
from ops.triton.reconciler import Host, Reconciler
from ops.triton.server import (
    ALL_ADDRESSES,
    COMPLAINTS_WITHOUT_GPU,
    CRASHES,
    REGION_BYTES,
    TritonServer,
)
from ops.triton.shared_memory import (
    MIB,
    SHARED_MEMORY,
    count_free_bytes,
    keep_closed,
    remove_regions,
)
from ops.voices import publish_default_voice
from ops.voices.added import DEFAULT_FOLDER, AddedVoices
from tritone.placement import has_gpu

_log = logging.getLogger(__name__)

_HTTP_PORT = "TRITONE_TRITON__HTTP_PORT"
_GRPC_PORT = "TRITONE_TRITON__GRPC_PORT"
_METRICS_PORT = "TRITONE_TRITON__METRICS_PORT"
_EXIT_TIMEOUT_S = 10.0  # after the drain nothing is left to wait for


@contextmanager
def prepare_server(
    settings: Settings, prefix: str, *, logs_info: bool, is_private: bool = False
) -> Iterator[TritonServer]:
    """Prepare everything that a Triton needs to start, and remove it in the end.

    `prefix` is the stack's: of shared memory, and the mark of its processes. A private Triton has
    a socket that only this user reaches, in place of a port, unless the settings name one.

    Raises:
        CannotStart: something is missing; says what to do.
    """
    models = require_published([settings.model_repository]).models
    voices = _voice_repositories(settings, {model.name for model in models})
    models += read_published(voices).models
    _require_shared_memory(_triton_models(models))
    libpython, home = libpython_folder(), triton_home()
    ports = _choose_ports(settings.triton, is_private=is_private)
    user = settings.triton.user
    account = None if user is None else find_account(user)
    with (
        own_folder(prefix) as folder,
        _scratch(settings.resolved_state_directory() / prefix) as scratch,
    ):
        server = TritonServer(
            home=home,
            libpython_folder=libpython,
            folder=folder,
            backend_directory=backend_directory.prepare(scratch / "backends", home),
            model_repository=settings.model_repository.absolute(),
            voice_repositories=voices,
            http_port=ports.get(_HTTP_PORT),
            grpc_port=ports.get(_GRPC_PORT),
            metrics_port=ports[_METRICS_PORT],
            shared_memory_prefix=prefix,
            logs_info=logs_info,
            otlp_endpoint=settings.otlp_endpoint,
            address=ALL_ADDRESSES if settings.triton.exposed else LOOPBACK,
            account=account,
        )
        if account is not None:
            _prepare_for(account, server)
        yield server


def _prepare_for(account: Account, server: TritonServer) -> None:
    server.folder.give_to(account)
    backend_directory.open_stub(server.backend_directory)
    folders = (*server.repositories, server.backend_directory, server.home)
    require_readable(account, folders, "open it to that user, or unset TRITONE_TRITON__USER")


def _voice_repositories(settings: Settings, published: set[str]) -> tuple[Path, ...]:
    """Return the repository of added voices, and the default voice's unless it is not wanted."""
    added = AddedVoices.of_state(settings.resolved_state_directory()).folder
    added.mkdir(parents=True, exist_ok=True)  # Triton is told of it now; voices may come later
    default = _default_voice_repository(settings, published)
    return (added,) if default is None else (default, added)


def _default_voice_repository(settings: Settings, published: set[str]) -> Path | None:
    """Return the repository of the default voice, unless it is not wanted or published already."""
    if not settings.default_voice:
        return None
    folder = publish_default_voice(settings.resolved_state_directory() / DEFAULT_FOLDER)
    if folder is None:
        _log.info("no voice is served: hibari-tts is not installed")
        return None
    is_published = published & {model.name for model in read_published([folder]).models}
    return None if is_published else folder


def _choose_ports(triton: TritonSettings, *, is_private: bool) -> dict[str, int]:
    wanted = {_METRICS_PORT: triton.metrics_port}
    if triton.http_port:
        wanted[_HTTP_PORT] = triton.http_port
    if triton.grpc_port or triton.exposed or not is_private:
        wanted[_GRPC_PORT] = triton.grpc_port
    return choose_ports(wanted)


def _require_shared_memory(triton_models: list[str]) -> None:
    # Each backend process begins with a region; Triton's own words for its lack are no remedy.
    needed, free = REGION_BYTES * (len(triton_models) + 1), count_free_bytes()
    if free < needed:
        raise CannotStart(
            f"{SHARED_MEMORY} has {free // MIB} MiB free, at least {needed // MIB} are needed, and "
            "more for long sounds; in Docker: --shm-size=1g"
        )


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class OwnTriton:
    """A running Triton. Make it inside a running event loop."""

    def __init__(self, server: TritonServer, settings: Settings) -> None:
        """Start nothing yet."""
        self.url = server.url if server.grpc_port is None else f"grpc://{server.url}"
        self._server = server
        self._drain_timeout_s = settings.drain_timeout_s
        self._control = TritonControl(server.url)
        host = Host(pid=lambda: self._supervisor.pid, restart=self.kill)
        self._reconciler = Reconciler(server.repositories, self._control, host)
        self._probe = Probe(
            self._control,
            look=lambda: self._reconciler.last,
            restart=self.kill,
            period_s=settings.triton.probe_period_s,
            timeout_s=settings.triton.probe_timeout_s,
        )
        self._supervisor = Supervisor(
            Service(
                name="triton",
                command=server.command,
                environment=server.environment(copy_environment()),
                is_ready=self._reconciler.is_settled,
                clean_up=lambda: remove_regions(server.shared_memory_prefix),
                start_timeout_s=settings.triton.start_timeout_s,
                pulse=Pulse(
                    is_felt=self._control.is_live,
                    timeout_s=settings.hang_timeout_s,
                ),
                account=server.account,
                hides=() if has_gpu() else COMPLAINTS_WITHOUT_GPU,
                last_words=CRASHES,
            )
        )
        self.is_ready = self._supervisor.is_ready

    async def run(self) -> None:
        """Keep Triton, its models and their backend processes running until cancelled.

        Raises:
            CannotStart: Triton did not become ready even once.
        """
        prefix = self._server.shared_memory_prefix
        works = (self._reconciler.run(), self._probe.run(), keep_closed(prefix))
        healing = [asyncio.create_task(each) for each in works]
        try:
            await self._supervisor.run()
        finally:
            for task in healing:
                task.cancel()

    async def stop(self) -> None:
        """Let the requests in flight end, then end the processes."""
        with suppress(TritonCallFailed, TimeoutError):
            models = [model.name for model in read_published(self._server.repositories).models]
            async with asyncio.timeout(self._drain_timeout_s):
                await self._control.drain(models)
        await self._supervisor.stop(_EXIT_TIMEOUT_S)
        await self._control.close()

    def kill(self) -> None:
        """End every process at once."""
        self._supervisor.kill()


def _triton_models(published: Iterable[PublishedModel]) -> list[str]:
    return [name for model in published for name in model.triton_models]
