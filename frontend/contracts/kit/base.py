"""What every contract does alike: catch errors into its envelope, generate, encode, and answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from frontend.audio.encoders import encode
from frontend.audio.formats import AudioFormat, delivered_channels, delivered_rate
from frontend.contracts.kit.body import MalformedRequest
from frontend.contracts.kit.envelopes import Envelope, request_id_of
from frontend.errors import InvalidRequest, Overloaded, RequestTooLarge, TritoneError
from frontend.http.disconnect import unless_disconnected
from frontend.keys.credentials import presented_key
from frontend.keys.gate import Gate
from frontend.observe import context, tracing
from frontend.observe.metrics import Metrics
from frontend.settings import Settings
from frontend.sounds.generation import Generator
from frontend.sounds.request import GenerationRequest, Sound

Handler = Callable[[Request], Awaitable[Response]]
Words = Mapping[str, str]  # our field names -> the contract's

BEARER = Security(
    HTTPBearer(
        auto_error=False,  # the gate decides; this is for /docs
        description="Where keys are asked for. `xi-api-key` and `x-api-key` are taken too.",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one request comes to: a sound, and how it is delivered."""

    wanted: GenerationRequest
    audio_format: AudioFormat
    words: Words
    speed: float = 1.0  # the audio lasts seconds / speed
    notes: tuple[str, ...] = ()  # what the contract did otherwise than asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A finished order."""

    sound: Sound
    audio: bytes
    headers: dict[str, str]


def contract_router(envelope: Envelope, tag: str) -> APIRouter:
    """Return a router whose every error leaves in this contract's envelope."""

    class ContractRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handle = super().get_route_handler()

            async def handle_with_envelope(request: Request) -> Response:
                return await answered(envelope, request, handle)

            return handle_with_envelope

    return APIRouter(route_class=ContractRoute, tags=[tag], dependencies=[BEARER])


async def answered(envelope: Envelope, request: Request, handle: Handler) -> Response:
    """Return the handler's answer, or its error in the envelope; without a right key the latter."""
    request.state.contract = envelope.name  # for the log line and the count of requests
    try:
        async with _admitted(request):
            return await handle(request)
    except TritoneError as error:
        if isinstance(error, Overloaded):
            metrics_of(request).refused.labels(envelope.name, error.reason).inc()
        return envelope.render(error, request)


@asynccontextmanager
async def _admitted(request: Request) -> AsyncIterator[None]:
    async with _gate_of(request).admitted(presented_key(request.headers)) as owner:
        request.state.owner = owner
        yield


def owner_of(request: Request) -> str:
    """Return the id of the request's key, the owner of its jobs; empty where keys are off."""
    return str(request.state.owner)


def _gate_of(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def generator_of(request: Request) -> Generator:
    """Return the application's generator."""
    generator: Generator = request.app.state.generator
    return generator


def settings_of(request: Request) -> Settings:
    """Return the application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def metrics_of(request: Request) -> Metrics:
    """Return the application's metrics."""
    metrics: Metrics = request.app.state.metrics
    return metrics


async def deliver(request: Request, order: Order) -> Delivery:
    """Return the sound in its format; the work stops when the client goes.

    Raises:
        TritoneError: whatever the generation ended with, in the contract's words.
        ClientGone: there is nobody to answer.
    """
    with in_words_of(order.words):
        return await unless_disconnected(request, _delivery(request, order))


async def _delivery(request: Request, order: Order) -> Delivery:
    context.share.set(owner_of(request))
    sound = await generator_of(request).generate(order.wanted, request_id=request_id_of(request))
    _gate_of(request).count_sound(owner_of(request), sound.seconds)
    stage = metrics_of(request).stage_seconds.labels(sound.card.name, "encoding")
    with stage.time(), tracing.span("encoding", {"tritone.format": order.audio_format.name}):
        audio = await run_in_threadpool(
            encode, sound.pcm, sound.sample_rate, order.audio_format, speed=order.speed
        )
    return Delivery(sound=sound, audio=audio, headers=sound_headers(sound, order))


def sound_headers(sound: Sound, order: Order) -> dict[str, str]:
    """Return what was made, in headers: the audio itself has no place for it."""
    audio_format = order.audio_format
    headers = {
        "content-type": audio_format.media_type,
        "x-tritone-model": sound.card.name,
        "x-tritone-model-version": sound.model_version,
        "x-tritone-seed": str(sound.seed),
        "x-tritone-steps": str(sound.steps),
        "x-tritone-guidance-scale": f"{sound.guidance_scale:g}",
        "x-tritone-sample-rate": str(delivered_rate(audio_format, sound.sample_rate)),
        "x-tritone-channels": str(delivered_channels(audio_format, sound.pcm.shape[0])),
        "x-tritone-seconds": f"{sound.seconds / order.speed:.6g}",
    }
    notes = (*order.notes, *sound.notes)
    if notes:
        headers["x-tritone-note"] = "; ".join(notes)
    return headers


@contextmanager
def in_words_of(words: Words) -> Iterator[None]:
    """Name the fields of errors as the contract does."""
    try:
        yield
    except MalformedRequest:
        raise
    except InvalidRequest as error:
        error.field = words.get(error.field or "", error.field)
        if error.kind == "string_too_long":
            raise RequestTooLarge(error.message, field=error.field, kind=error.kind) from error
        raise
