"""A sound that the client waits for: generated, encoded, and described in headers."""

from dataclasses import dataclass

from fastapi import Request

from frontend.audio.encoders import encode
from frontend.audio.formats import AudioFormat, choose_channels, choose_rate
from frontend.audio.threads import in_audio_thread
from frontend.contracts.kit.app_parts import (
    get_gate,
    get_generator,
    get_metrics,
    get_owner,
    get_request_id,
)
from frontend.contracts.kit.file_headers import make_file_headers
from frontend.contracts.kit.idempotency import refuse_idempotency_key
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.words import Words, in_words
from frontend.http.access import Served
from frontend.http.disconnect import unless_disconnected
from frontend.observe import tracing
from frontend.passes.caller import Caller
from frontend.sounds.request import GenerationRequest, Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one contract wants: a request in our words, and the format to deliver it in."""

    wanted: GenerationRequest
    audio_format: AudioFormat
    words: Words
    speed: float = 1.0  # the audio lasts seconds / speed
    notes: tuple[str, ...] = ()  # what the contract could not do as asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The sound of an order, its encoded audio, and headers that describe it."""

    sound: Sound
    audio: bytes
    headers: dict[str, str]


async def make_answer(request: Request, order: Order) -> Answer:
    """Return the sound in its format; the work stops when the client goes.

    Raises:
        TritoneError: whatever the generation ended with, in the contract's words.
        ClientGone: there is nobody to answer.
    """
    refuse_idempotency_key(request)
    with in_words(order.words):
        return await unless_disconnected(request, _make_answer(request, order))


async def _make_answer(request: Request, order: Order) -> Answer:
    owner = get_owner(request)
    caller = Caller(request_id=get_request_id(request), owner=owner)
    sound = await get_generator(request).generate(order.wanted, caller)
    request.state.served = Served(sound.card.name, sound.model_version)
    get_gate(request).count_sound(owner, sound.seconds)
    stage = get_metrics(request).stage_seconds.labels(sound.card.name, "encoding")
    with stage.time(), tracing.span("encoding", {"tritone.format": order.audio_format.name}):
        audio = await in_audio_thread(
            encode, sound.pcm, sound.sample_rate, order.audio_format, speed=order.speed
        )
    return Answer(sound=sound, audio=audio, headers=make_headers(sound, order))


def make_headers(sound: Sound, order: Order) -> dict[str, str]:
    """Return headers that describe the sound: its name, model, seed, length and notes."""
    audio_format = order.audio_format
    return {
        **make_file_headers(audio_format, sound.card.name, sound.seed),
        "x-tritone-model": sound.card.name,
        "x-tritone-model-version": sound.model_version,
        "x-tritone-seed": str(sound.seed),
        "x-tritone-steps": str(sound.steps),
        "x-tritone-guidance-scale": f"{sound.guidance_scale:g}",
        "x-tritone-sample-rate": str(choose_rate(audio_format, sound.sample_rate)),
        "x-tritone-channels": str(choose_channels(audio_format, sound.pcm.shape[0])),
        "x-tritone-seconds": f"{sound.seconds / order.speed:.6g}",
        **make_note_headers((*order.notes, *sound.notes)),
    }
