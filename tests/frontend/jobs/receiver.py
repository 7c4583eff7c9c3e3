"""A real HTTP server that takes webhooks, and fails as told."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

REASONS = {200: "OK", 204: "No Content", 410: "Gone", 429: "Too Many", 503: "Unavailable"}


@dataclass
class Receiver:
    """What arrived, and how it is answered."""

    statuses: list[int] = field(default_factory=list)  # of the next answers; then 204
    extra: str = ""  # header lines of every answer
    delay_s: float = 0.0
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""
    most_at_once: int = 0
    _at_once: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def accepted(self) -> Counter[str]:
        """How often each webhook id was accepted."""
        return Counter(
            head["webhook-id"] for head in self.headers if head["answered"].startswith("2")
        )

    def payloads(self) -> list[dict[str, Any]]:
        """Every body as JSON."""
        return [json.loads(body) for body in self.bodies]

    async def until(self, is_enough: Callable[["Receiver"], bool], timeout_s: float = 10) -> None:
        """Wait until what arrived is enough."""
        async with asyncio.timeout(timeout_s):
            while not is_enough(self):
                self._news.clear()
                await self._news.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await asyncio.sleep(self.delay_s)
            self._at_once -= 1
            status = self.statuses.pop(0) if self.statuses else 204
            self.headers.append({**headers, "request": head[0], "answered": str(status)})
            self.bodies.append(body)
            self._news.set()
            writer.write(
                f"HTTP/1.1 {status} {REASONS.get(status, 'X')}\r\n{self.extra}"
                "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a sender that was killed
        finally:
            writer.close()


@asynccontextmanager
async def receiving(**changes: Any) -> AsyncIterator[Receiver]:  # noqa: ANN401
    """Run a receiver on a free port of this machine."""
    receiver = Receiver(**changes)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield receiver
