"""What one Triton serves: models, candidates, and who takes control requests."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog
from tritonclient.utils import InferenceServerException

from frontend.errors import TritoneError
from frontend.settings import TritonSettings
from frontend.triton.candidates import Candidate, is_candidate, read_candidates
from frontend.triton.component_health import ComponentHealth, explain_failures
from frontend.triton.connection import Connection
from frontend.triton.errors import raise_domain_errors
from frontend.triton.gateway import Catalog, choose_pause_s
from tritone.card import (
    CARD_PARAMETER,
    COMPONENTS,
    SPEAKER,
    SPEECH_COMPONENTS,
    Card,
    InvalidCard,
    ModelCard,
    SpeechCard,
    component_name,
    from_json,
)
from tritone.plans import NETWORKS, plan_of
from tritone.versions import VERSIONS_PARAMETER, InvalidLineup

log = structlog.get_logger(__name__)

_PARTS = (*COMPONENTS, *map(plan_of, NETWORKS), *SPEECH_COMPONENTS)

C = TypeVar("C", ModelCard, SpeechCard)


@dataclass(frozen=True, slots=True)
class ControlTarget:
    """The Triton model that takes control requests about a model's passes."""

    model: str
    versions: tuple[str, ...] = ("",)  # loaded ones; empty text: whichever serves


@dataclass(frozen=True, slots=True)
class _Found:
    """One model with a card."""

    card: Card
    candidates: tuple[Candidate, ...]
    version: int  # that serves


class ServedModels:
    """Looks at Triton periodically and keeps what it saw."""

    def __init__(self, connection: Connection, settings: TritonSettings) -> None:
        """Know nothing yet."""
        self._connection = connection
        self._settings = settings
        self._health = ComponentHealth(connection, settings.rpc_timeout_s)
        self._candidates: dict[str, tuple[Candidate, ...]] = {}  # by model
        self._control_targets: dict[str, ControlTarget] = {}  # by model
        self._looking: asyncio.Task[None] | None = None
        self._is_reachable: bool | None = None
        self.catalog = Catalog()
        """As last seen; kept while Triton is away: a bad request is bad all the same."""

    def candidates(self, model: str) -> tuple[Candidate, ...]:
        """Return the candidates that get a share of a model's requests."""
        return self._candidates.get(model, ())

    def control_target(self, model: str) -> ControlTarget:
        """Return who takes control requests about a model's passes."""
        known = self._control_targets.get(model)
        return known or ControlTarget(component_name(model, "denoiser"))

    async def open(self) -> None:
        """Look once, then periodically."""
        with suppress(TritoneError):
            await self.refresh()
        self._looking = asyncio.create_task(self._keep_looking())

    def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
        self._health.close()

    async def _keep_looking(self) -> None:
        while True:
            is_up = bool(self._is_reachable and self.catalog.served)
            await asyncio.sleep(choose_pause_s(self._settings.refresh_s, is_up=is_up))
            with suppress(TritoneError):
                await self.refresh()

    async def refresh(self) -> Catalog:
        """Return what Triton serves now; raises domain errors."""
        try:
            with raise_domain_errors(logging.DEBUG):  # the change is worth a line, not each try
                catalog = await self._read()
        except TritoneError:
            self._log_reachability(is_reachable=False)
            raise
        self._log_reachability(is_reachable=True)
        before = (*self.catalog.served, *self.catalog.missed)
        missed = tuple(card for card in before if card.name in catalog.away)
        catalog = replace(catalog, missed=missed)
        if catalog != self.catalog:
            names = [card.name for card in catalog.served]
            log.info("models_changed", served=names, away=sorted(catalog.away))
        self.catalog = catalog
        return catalog

    def _log_reachability(self, *, is_reachable: bool) -> None:
        if is_reachable != self._is_reachable:
            level = logging.INFO if is_reachable else logging.ERROR
            log.log(level, "triton_reachable", url=self._settings.url, answer=is_reachable)
        self._is_reachable = is_reachable

    async def _read(self) -> Catalog:
        timeout = self._settings.rpc_timeout_s
        index = await self._connection.client.get_model_repository_index(client_timeout=timeout)
        names = {model.name for model in index.models}
        names -= {component_name(name, part) for name in names for part in _PARTS}
        names = {name for name in names if not is_candidate(name, names)}
        versions = [(m.name, m.version) for m in index.models if m.state == "READY"]
        ready = {name for name, _ in versions} & names
        known = {model.name for model in index.models if model.state} & names
        newest = {name: max(int(v) for each, v in versions if each == name) for name in ready}
        found = await asyncio.gather(*(self._read_model(n, newest[n]) for n in sorted(ready)))
        models = [each for each in found if each is not None]
        for each in models:
            self._note_candidates(each.card.name, each.candidates)
        self._control_targets = {
            each.card.name: _control_target(each.card, versions) for each in models
        }
        reasons = explain_failures(index.models, names - ready)
        loaded = {name for name, _ in versions}
        components = {part: each.card.name for each in models for part in _parts(each.card, loaded)}
        problems = self._health.look(components)
        reasons |= {components[part]: f"{part}: {why}" for part, why in problems.items()}
        cards = [each.card for each in models if each.card.name not in reasons]
        return Catalog(
            cards=_of_kind(cards, ModelCard),
            speech_cards=_of_kind(cards, SpeechCard),
            away=frozenset((known - ready) | (reasons.keys() & ready)),
            reasons=reasons,
            versions={each.card.name: each.version for each in models},
            candidates={
                each.card.name: frozenset(candidate.version for candidate in each.candidates)
                for each in models
                if each.candidates
            },
        )

    async def _read_model(self, name: str, newest: int) -> _Found | None:
        timeout = self._settings.rpc_timeout_s
        try:
            answer = await self._connection.client.get_model_config(name, client_timeout=timeout)
        except InferenceServerException as error:
            if error.status() == "StatusCode.NOT_FOUND":  # unloaded since the index was read
                return None
            raise
        config = answer.config
        card = _read_card(name, config.parameters)
        if card is None or config.platform != "ensemble":
            return None
        named = {step.model_version for step in config.ensemble_scheduling.step}
        is_pinned = len(named) == 1 and min(named) > 0  # else the newest that is loaded serves
        version = int(named.pop()) if is_pinned else newest
        return _Found(card, _read_candidates(name, config.parameters), version)

    def _note_candidates(self, model: str, candidates: tuple[Candidate, ...]) -> None:
        if candidates != self.candidates(model):
            shares = {candidate.version: candidate.share for candidate in candidates}
            log.info("candidates_changed", model=model, shares=shares)
        self._candidates[model] = candidates


def _control_target(card: Card, ready: list[tuple[str, str]]) -> ControlTarget:
    name = component_name(card.name, "denoiser" if isinstance(card, ModelCard) else SPEAKER)
    versions = tuple(version for model, version in ready if model == name)
    return ControlTarget(name, versions or ("",))


def _parts(card: Card, loaded: set[str]) -> set[str]:
    """Return the Triton models that answer for a model."""
    return {component_name(card.name, part) for part in _PARTS} & loaded


def _of_kind(cards: list[Card], kind: type[C]) -> tuple[C, ...]:
    return tuple(card for card in cards if isinstance(card, kind))


def _read_card(model: str, parameters: Mapping[str, Any]) -> Card | None:
    if CARD_PARAMETER not in parameters:
        return None
    try:
        card = from_json(parameters[CARD_PARAMETER].string_value)
    except InvalidCard as error:
        log.warning("bad_model_card", model=model, detail=str(error))
        return None
    return replace(card, name=model)


def _read_candidates(model: str, parameters: Mapping[str, Any]) -> tuple[Candidate, ...]:
    if VERSIONS_PARAMETER not in parameters:
        return ()
    try:
        return read_candidates(model, parameters[VERSIONS_PARAMETER].string_value)
    except InvalidLineup as error:
        log.warning("bad_lineup", model=model, detail=str(error))
        return ()
