"""Clients that have closed their sending side, and may still wait for an answer, as `nc -N` does.

What arrives of them is the same as of a client that is gone. Only what is sent tells: where nobody
has the connection any more, the first byte is answered with a reset. So the first bytes of the
answer, which are the same in every answer, are sent one by one while it is made.
"""

import os
import socket
from asyncio import AbstractEventLoop, TimerHandle, Transport
from contextlib import suppress

_ALWAYS_FIRST = b"HTTP/1.1 "
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.01, 1.0
_TCP_CLOSE = 7  # TCP_CLOSE of Linux's tcp_states.h: a reset has come


class HalfClosed:
    """What an answer is written to, in place of the transport; closes it when nobody is there."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        """Begin to look."""
        self._transport = transport
        self._loop = loop
        self._n_sent = 0
        self._has_begun = False
        self._since = loop.time()
        self._look_s = _FIRST_LOOK_S
        self._timer: TimerHandle | None = None
        self._look()

    def write(self, data: bytes) -> None:
        """Write the answer, of which the first bytes are sent already."""
        if not self._has_begun:
            self._has_begun = True
            self._stop()
            data = data[self._n_sent :]
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self._stop()
        self._transport.close()

    def _look(self) -> None:
        if self._transport.is_closing():
            return
        # After 0, 1, 3, 7 … s: one that leaves later sends nothing more that would tell.
        is_due = self._loop.time() - self._since >= (1 << self._n_sent) - 1
        byte = _ALWAYS_FIRST[self._n_sent : self._n_sent + 1]
        is_free = not self._transport.get_write_buffer_size()  # else: of the answer before
        try:
            self._n_sent += _send(self._transport, byte if is_due and is_free else b"")
        except ConnectionError:
            self._transport.abort()
            return
        self._timer = self._loop.call_later(self._look_s, self._look)
        self._look_s = min(2 * self._look_s, _LONGEST_LOOK_S)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _send(transport: Transport, data: bytes) -> int:
    """Send at once, which no transport promises; return how many bytes went.

    Raises:
        ConnectionError: nobody has the connection any more.
    """
    # A socket of our own: uvloop's can do neither this nor that.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as ours:
        n_sent = 0
        if data:
            with suppress(BlockingIOError):
                n_sent = ours.send(data)
        # From this machine the reset is here already.
        if ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
            raise ConnectionResetError
        return n_sent
