"""What all Tritons of a pool shall serve, as `tritone models … --fleet` states it.

A Triton that is new, or was started anew from files of yesterday, gets no passes before it serves
that.
"""

import asyncio
from pathlib import Path

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from frontend.triton.gateway import Catalog
from tritone.fleet import FleetState, InvalidFleetState

log = structlog.get_logger(__name__)


class FleetWatch:
    """Reads one file, again and again. Use from one event loop only."""

    def __init__(self, url: str | None, period_s: float) -> None:
        """`url` is a path, or `s3://bucket/models/fleet.json`; None: nothing is ever stated."""
        self._url = url
        self._folder, _, self._name = (url or "").rpartition("/")
        if "://" not in self._folder:
            self._folder = str(Path(self._folder).absolute())
        self._period_s = period_s
        self.state = FleetState()
        """As last read; kept while the store is away."""

    async def follow(self) -> None:
        """Read periodically, until cancelled."""
        while self._url is not None:
            await self.look()
            await asyncio.sleep(self._period_s)

    async def look(self) -> None:
        """Read once."""
        if self._url is None:
            return
        try:
            is_url = "://" in self._folder
            store = from_url(self._folder) if is_url else LocalStore(self._folder)
            found = await obstore.get_async(store, self._name)
            state = FleetState.from_json(bytes(await found.bytes_async()).decode())
        except FileNotFoundError:
            state = FleetState()
        except (BaseError, OSError, ValueError, InvalidFleetState) as error:
            log.warning("fleet_unread", url=self._url, detail=str(error))
            return
        if state != self.state:
            log.info("fleet_changed", versions={n: w.version for n, w in state.models.items()})
        self.state = state

    def explain(self, catalog: Catalog, model: str) -> str:
        """Return why a Triton with this catalog gets no passes of a model; empty: it may."""
        wanted, version = self.state.models.get(model), catalog.versions.get(model)
        if wanted is None or version is None or wanted.allows(version):
            return ""
        return f"serves version {version} of {model}, the fleet version {wanted.version}"

    def explain_all(self, catalog: Catalog) -> list[str]:
        """Return the reasons of all models."""
        return list(filter(None, (self.explain(catalog, name) for name in self.state.models)))
