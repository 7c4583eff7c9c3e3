"""Probes and metrics: is the process alive, can it serve, how is it doing."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from frontend.errors import TritoneError
from frontend.triton.gateway import Catalog, Gateway
from tritone.card import ModelCard

_FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """Whether requests can be served, and if not, why."""

    models: tuple[str, ...] = ()
    away: tuple[str, ...] = ()  # known to Triton, and not served now
    reasons: Mapping[str, str] = field(default_factory=dict)  # why some are away
    left_out: Mapping[str, str] = field(default_factory=dict)  # Tritons that get no passes; why
    stopped: Mapping[str, str] = field(default_factory=dict)  # models that make no sound; why
    all_stopped: Mapping[str, str] = field(default_factory=dict)  # of kinds that have no other
    reason: str | None = None


class Readiness:
    """Asks Triton at most once a second, however many probes come."""

    def __init__(self, gateway: Gateway, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self._gateway = gateway
        self._clock = clock
        self._lock = asyncio.Lock()
        self._state = State(reason="not asked yet")
        self._asked_at: float | None = None

    async def state(self) -> State:
        """Return the state of at most a second ago."""
        async with self._lock:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at >= _FRESH_S:
                self._state = await self._ask()
                self._asked_at = now
            return self._state

    async def _ask(self) -> State:
        try:
            catalog = await self._gateway.refresh()
        except TritoneError:
            return State(reason="Triton cannot be reached")
        models = tuple(card.name for card in catalog.served)
        return State(
            models=models,
            away=tuple(sorted(catalog.away)),
            reasons=catalog.reasons,
            left_out=catalog.left_out,
            stopped=catalog.stopped,
            all_stopped=_find_all_stopped(catalog),
            reason=_explain_unreadiness(catalog),
        )


def _explain_unreadiness(catalog: Catalog) -> str | None:
    """Return why some kind of sound cannot be made that is published; None: all can.

    A voice does not stand in for a model of sounds, nor the other way round.
    """
    if not catalog.served:
        return "Triton serves no model"
    kinds = _find_heard_kinds(catalog)
    mute = _find_all_stopped(catalog)
    lost = {card.name for card in catalog.missed if type(card) not in kinds} | mute.keys()
    if ModelCard not in kinds:  # what was never seen is taken for a model of sounds
        lost |= catalog.reasons.keys() - {card.name for card in catalog.missed}
    return f"nothing serves in the place of {', '.join(sorted(lost))}" if lost else None


def _find_all_stopped(catalog: Catalog) -> dict[str, str]:
    """Return why the models of a kind have stopped of which no other one still makes sounds.

    Those are what a restart of Triton may mend. One of several that has stopped is no reason to
    take the others away.
    """
    kinds = _find_heard_kinds(catalog)
    mute = (card for card in catalog.served if type(card) not in kinds)
    return {card.name: catalog.stopped[card.name] for card in mute}


def _find_heard_kinds(catalog: Catalog) -> set[type]:
    return {type(card) for card in catalog.served if card.name not in catalog.stopped}


router = APIRouter(tags=["operations"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Tell that the process answers; says nothing about Triton."""
    return {"status": "live"}


@router.get("/readyz", responses={503: {"description": "Not ready, and why."}})
async def readyz(request: Request) -> Response:
    """Tell whether a model can be served; `?verbose` names those that cannot, and why.

    Of several Tritons it names those that get no passes now, too, and models that are served and
    make no sound any more.
    """
    state = await request.app.state.readiness.state()
    body: dict[str, Any] = {"status": "ready", "models": list(state.models)}
    if state.reason is not None:
        served = {"models": list(state.models)} if state.models else {}
        body = {"status": "unavailable", "reason": state.reason, **served}
    if "verbose" in request.query_params:
        away = sorted({*state.away, *state.reasons})
        body["away"] = {name: state.reasons.get(name, "not loaded") for name in away}
        body["tritons_left_out"] = dict(state.left_out)
        body["sounds_stopped"] = dict(state.stopped)
        body["all_sounds_stopped"] = dict(state.all_stopped)
    return JSONResponse(body, 200 if state.reason is None else 503)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format, version 1.0.0."}},
)
async def metrics(request: Request) -> Response:
    """Return the frontend's metrics in Prometheus' text format."""
    app = request.app.state
    body = await app.scrape.exposition(await app.readiness.state(), app.jobs)
    return Response(body, media_type=CONTENT_TYPE_LATEST)
