"""Which TCP ports are free."""

import socket
from contextlib import ExitStack

from ops.errors import CannotStart

LOOPBACK = "127.0.0.1"


def choose_ports(wanted: dict[str, int], host: str = LOOPBACK) -> dict[str, int]:
    """Return a port for each name: the wanted one, or any free one for 0; all different.

    Raises:
        CannotStart: a wanted port is taken. `wanted` is keyed by the variable that sets it.
    """
    chosen: dict[str, int] = {}
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as sockets:  # all held until the last is chosen, so that none comes twice
        for variable, port in wanted.items():
            listener = sockets.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError as error:
                raise CannotStart(
                    f"port {port} on {host} cannot be used ({error.strerror}); "
                    f"set {variable} to another one"
                ) from error
            chosen[variable] = listener.getsockname()[1]
    return chosen
