"""Fake Tritons with addresses, and a resolver that lists them."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

from frontend.errors import BackendUnavailable, Overloaded, TritoneError
from frontend.settings import TritonSettings
from frontend.triton.gateway import Catalog, Chunks, Pass, PassOptions, Progress
from tests.fakes import FakeGateway
from tritone.addresses import Unresolved

REFRESH_S = 0.02
SETTINGS = TritonSettings.model_validate({"refresh_s": REFRESH_S})
AWAY = BackendUnavailable("away")
FULL = Overloaded("full", retry_after_s=1.0)


@dataclass
class FakeTriton(FakeGateway):
    """A fake gateway that knows which passes it has, and says whether it was closed."""

    is_closed: bool = False
    delay_s: float = 0.0

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        await asyncio.sleep(self.delay_s)
        async with aclosing(super().stream(pass_, options)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        self.is_closed = True

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        known = any(options.pass_id == pass_id for options in self.options)
        return Progress(1, 2) if known else None


@dataclass
class BreakingTriton(FakeTriton):
    """One that begins every answer and fails in its middle."""

    breaks_with: TritoneError = AWAY

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        async with aclosing(super().stream(pass_, options)) as chunks:
            yield await anext(chunks)
        raise self.breaks_with


@dataclass
class Network:
    """The Tritons there are, and what a resolver says of them."""

    catalog: Catalog
    tritons: dict[str, FakeTriton] = field(default_factory=dict)
    listed: list[str] | Unresolved = field(default_factory=list)

    def add(self, address: str, triton: FakeTriton | None = None) -> FakeTriton:
        self.tritons[address] = triton or FakeTriton(self.catalog)
        assert isinstance(self.listed, list)
        self.listed.append(address)
        return self.tritons[address]

    async def resolve(self) -> tuple[str, ...]:
        if isinstance(self.listed, Unresolved):
            raise self.listed
        return tuple(self.listed)


def name_pass(pass_id: str, timeout_s: float = 5.0) -> PassOptions:
    """Return the options of a pass of which only its name matters."""
    return PassOptions(pass_id=pass_id, request_id="req", timeout_s=timeout_s)
