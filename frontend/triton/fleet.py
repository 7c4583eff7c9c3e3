"""What all Tritons of a pool shall serve, as `tritone models … --fleet` states it.

A Triton that is new, or was started anew from files of yesterday, gets no passes before it serves
that; what it answers before we have seen its restart is not given out.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from frontend.errors import BackendUnavailable
from frontend.triton.gateway import Catalog
from tritone.fleet import FleetState, InvalidFleetState, Wanted

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

    def hold_back(self, catalog: Catalog) -> Catalog:
        """Return a Triton's catalog in which models of another version than stated are away."""
        reasons = {name: self.explain(catalog, name) for name in self.state.models}
        reasons = {name: why for name, why in reasons.items() if why}
        if not reasons:
            return catalog
        held = tuple(card for card in catalog.served if card.name in reasons)
        return replace(
            catalog,
            cards=tuple(card for card in catalog.cards if card.name not in reasons),
            speech_cards=tuple(c for c in catalog.speech_cards if c.name not in reasons),
            away=catalog.away | {card.name for card in held},
            missed=(*catalog.missed, *held),
            reasons={**catalog.reasons, **reasons},
        )

    def expect(self, catalog: Catalog, model: str) -> "Expected":
        """Return which versions may answer a pass that a Triton with this catalog is given now."""
        candidates = catalog.candidates.get(model, frozenset())
        return Expected(self, model, self.state.models.get(model), candidates)

    def explain(self, catalog: Catalog, model: str) -> str:
        """Return why a Triton with this catalog gets no passes of a model; empty: it may."""
        wanted, version = self.state.models.get(model), catalog.versions.get(model)
        if wanted is None or version is None or wanted.allows(version):
            return ""
        return f"serves version {version} of {model}, the fleet version {wanted.version}"

    def explain_all(self, catalog: Catalog) -> list[str]:
        """Return the reasons of all models."""
        return list(filter(None, (self.explain(catalog, name) for name in self.state.models)))


@dataclass(frozen=True, slots=True)
class Expected:
    """Which versions of a model may answer one pass."""

    watch: FleetWatch
    model: str
    at_begin: Wanted | None  # what was stated then: requests under way end on the old version
    candidates: frozenset[str]  # of the Triton

    async def check(self, version: str) -> None:
        """Refuse the answer of a Triton that was started anew since our last look at it.

        Raises:
            BackendUnavailable: its version is neither stated nor a candidate.
        """
        if self.at_begin is None or version in self.candidates or _allows(self.at_begin, version):
            return
        await self.watch.look()  # it may be stated since
        now = self.watch.state.models.get(self.model)
        if now is not None and not _allows(now, version):
            log.warning("stale_version", model=self.model, version=version, stated=now.version)
            raise BackendUnavailable


def _allows(wanted: Wanted, version: str) -> bool:
    return not version.isdecimal() or wanted.allows(int(version))
