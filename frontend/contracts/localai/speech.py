"""LocalAI: `POST /tts`, and `POST /v1/audio/speech` in its words.

Source: https://localai.io/features/text-to-audio/ and core/http/endpoints of the repository
mudler/LocalAI. A model file may stand behind `model`: see `frontend/speech/model_files.py`.
"""

from dataclasses import replace
from typing import Literal

from fastapi import Request, Response
from pydantic import Field

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Order, make_answer
from frontend.contracts.kit.app_parts import get_generator, get_model_files, get_speaker
from frontend.contracts.kit.body import read_body
from frontend.contracts.kit.fields import Integer, Prompt, StrictBody, Text
from frontend.contracts.kit.file_headers import attach
from frontend.contracts.kit.route import make_router
from frontend.contracts.kit.speech_answer import (
    SpeechOrder,
    make_speech_answer,
    open_speech,
    stream_speech,
)
from frontend.contracts.kit.speech_events import stream_speech_events
from frontend.contracts.kit.words import Words, in_words
from frontend.contracts.localai.envelope import ENVELOPE
from frontend.sounds.request import GenerationRequest
from frontend.speech.localai_backends import Backend, find_backend
from frontend.speech.model_files import ModelFile
from frontend.speech.request import SpeechRequest

FORMAT_WORDS: dict[str, AudioFormat] = {
    "wav": FORMATS["wav"],
    "mp3": FORMATS["mp3"],
    "aac": FORMATS["aac"],
    "flac": FORMATS["flac"],
    "opus": FORMATS["opus"],
    "ogg": FORMATS["opus"],
    "pcm": FORMATS["pcm"],
}
"""Anything else is delivered as wav, as LocalAI does."""

WORDS = {"text": "input", "prompt": "input"}
EXAMPLE = {"input": "Hello world", "model": "tts"}


class SpeechBody(StrictBody):
    """What to speak, and how. Only `input` must be there."""

    input: Prompt = Field(description="The text.")
    model: Text | None = Field(None, description="A served model, a model file's name, or a voice.")
    backend: Text | None = Field(None, description="An engine; the model's own if absent.")
    voice: Text | None = Field(None, description="An installed voice.")
    language: Text | None = Field(None, description="ISO 639-1 or BCP 47.")
    response_format: Text | None = Field(
        None, description="wav, mp3, aac, flac, opus or pcm; wav if absent or unknown."
    )
    speed: float = Field(1.0, ge=0.25, le=4.0, description="2 is twice as fast, at equal pitch.")
    sample_rate: Integer | None = Field(
        None, ge=8000, le=48000, description="Hz; the voice's own if absent."
    )
    stream: bool = Field(False, description="Send the audio while it is made.")
    stream_format: Literal["audio", "sse"] | None = Field(
        None, description="The same, as the audio itself or as OpenAI's events."
    )
    instructions: Text | None = Field(None, description="No installed voice follows it.")


def choose_format(body: SpeechBody) -> AudioFormat:
    """Return the format that was named, at the rate that was named; unknown ones are wav."""
    audio_format = FORMAT_WORDS.get((body.response_format or "wav").lower(), FORMATS["wav"])
    return replace(audio_format, sample_rate=body.sample_rate) if body.sample_rate else audio_format


def to_speech_order(
    body: SpeechBody, file: ModelFile, backend: Backend, words: Words = WORDS
) -> SpeechOrder:
    """Return the body in our words; what it leaves open, the model file says."""
    ignored = ("instructions ignored: the voice cannot be steered",) if body.instructions else ()
    return SpeechOrder(
        wanted=SpeechRequest(
            text=body.input,
            model=backend.model,
            voice=body.voice or file.voice or backend.voice,
            language=body.language or file.language or backend.find_language(file.model),
            speed=body.speed,
        ),
        audio_format=choose_format(body),
        words=words,
        notes=(*backend.notes, *ignored, *_note_format(body), *body.notes),
    )


def to_sound_order(body: SpeechBody, backend: Backend, words: Words = WORDS) -> Order:
    """Return the body in our words, where its backend makes sounds."""
    return Order(
        wanted=GenerationRequest(prompt=body.input, model=backend.model),
        audio_format=choose_format(body),
        words=words,
        speed=body.speed,
        notes=(*backend.notes, *_note_unspoken(body), *_note_format(body), *body.notes),
    )


def _note_unspoken(body: SpeechBody) -> tuple[str, ...]:
    names = ("voice", "language", "instructions", "stream")
    return tuple(f"{name} ignored: a sound is made" for name in names if getattr(body, name))


def _note_format(body: SpeechBody) -> tuple[str, ...]:
    word = body.response_format or "wav"
    return () if word.lower() in FORMAT_WORDS else ("wav stands in for an unknown format",)


router = make_router(ENVELOPE, "LocalAI")


async def speak(request: Request) -> Response:
    """Turn text into speech, or into a sound where the backend makes sounds."""
    return await answer_body(request, await read_body(request, SpeechBody))


async def answer_body(
    request: Request, body: SpeechBody, words: Words = WORDS, notes: tuple[str, ...] = ()
) -> Response:
    """Answer a body that is checked; `words` are the names that its fields had."""
    file = get_model_files(request).find(body.model) or ModelFile(model=body.model)
    with in_words(words):
        speaking, sounding = get_speaker(request).models(), get_generator(request).models()
        backend = find_backend(body.backend or file.backend, file.model, speaking, sounding)
    if backend.makes_sounds:
        answer = await make_answer(request, to_sound_order(body, backend, words))
        return Response(answer.audio, headers=attach(answer.headers))
    order = to_speech_order(body, file, backend, words)
    order = replace(order, notes=(*order.notes, *notes))
    if body.stream_format == "sse":
        return stream_speech_events(request, await open_speech(request, order), order)
    if body.stream or body.stream_format:
        return stream_speech(request, await open_speech(request, order), order)
    spoken = await make_speech_answer(request, order)
    return Response(spoken.audio, headers=attach(spoken.headers))


for _path in ("/tts", "/v1/audio/speech", "/audio/speech"):
    router.add_api_route(
        _path,
        speak,
        methods=["POST"],
        response_class=Response,
        responses=openapi.audio_of(FORMAT_WORDS.values(), has_events=True)
        | openapi.errors_of(ENVELOPE),
        openapi_extra=openapi.body_of(SpeechBody, EXAMPLE),
    )
