"""`python -m frontend`: serve on the address of the settings, in one process."""

import asyncio
import math
import signal
import socket
import sys
from functools import partial
from types import FrameType

import structlog
import uvicorn

from frontend.app import create_app
from frontend.contracts.kit.conversation import MAX_MESSAGE_BYTES
from frontend.database.database import DatabaseAway, wait_for_database
from frontend.errors import CannotStart
from frontend.http.connections import (
    KEEP_ALIVE_S,
    BoundedConnection,
    ConnectionTable,
    count_possible_connections,
)
from frontend.keys.policy import check_keys
from frontend.observe import logs, tracing
from frontend.settings import InvalidSettings, Settings, load_settings

_BACKLOG = 2048
_DATABASE_TIMEOUT_S = 30.0  # at the start


class CannotListen(CannotStart):
    """The address is taken, foreign or forbidden; the message is one line."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        CannotListen: with what to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "bad address"
        raise CannotListen(
            f"cannot listen on {host}:{port}: {reason}; set TRITONE_HOST or TRITONE_PORT"
        ) from error


def server(settings: Settings) -> uvicorn.Server:
    """Return the server, not started yet."""
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http=partial(BoundedConnection, table=ConnectionTable(count_possible_connections())),  # type: ignore[arg-type]
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `TrustedProxies` does it, by our settings
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(settings.drain_timeout_s),
    )
    return uvicorn.Server(config)


def _wait_for_database(settings: Settings) -> None:
    """Return when the database can be used, if there is to be one: later, uvicorn would end."""
    url = settings.jobs.database_url
    if url is not None:
        asyncio.run(wait_for_database(url.get_secret_value(), _DATABASE_TIMEOUT_S))


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    try:
        settings = load_settings()
        check_keys(settings)
        program = server(settings)
        listening = listen(settings.host, settings.port)
    except (InvalidSettings, CannotListen) as error:
        sys.stderr.write(f"tritone: {error}\n")
        return 2
    # uvicorn raises the signal again once it has stopped: that is no failure.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    logs.configure(settings.log_level)
    tracing.configure(settings.otlp_endpoint, "tritone-frontend")
    try:
        _wait_for_database(settings)
    except DatabaseAway as error:
        listening.close()
        sys.stderr.write(f"tritone: {error}\n")
        return 1
    host, port = listening.getsockname()[:2]
    structlog.get_logger(__name__).info("listening", host=host, port=port)
    program.run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
