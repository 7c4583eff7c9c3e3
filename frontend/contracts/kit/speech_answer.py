"""A text that is spoken to the client: chunk by chunk as it is made, or as a whole."""

import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request

from frontend.audio.formats import AudioFormat, choose_channels, choose_rate
from frontend.audio.stream_encoder import StreamEncoder, slice_first
from frontend.audio.threads import in_audio_thread
from frontend.contracts.kit.app_parts import get_gate, get_owner, get_request_id, get_speaker
from frontend.contracts.kit.file_headers import make_file_headers
from frontend.contracts.kit.idempotency import refuse_idempotency_key
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.streamed import StreamedAnswer
from frontend.contracts.kit.words import Words, in_words
from frontend.errors import RequestTooLarge
from frontend.http.access import Served
from frontend.http.disconnect import unless_disconnected
from frontend.passes.caller import Caller
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speech
from tritone.pcm import Pcm

MAX_WHOLE_CHARACTERS = 20_000
"""Longest text, in characters, of an answer that is sent as a whole: about 20 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOrder:
    """A text to speak, and how the client wants it."""

    wanted: SpeechRequest
    audio_format: AudioFormat
    words: Words
    notes: tuple[str, ...] = ()  # what the contract does otherwise than asked


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """Audio in the format of its order. Some encoders give a chunk's bytes with a later one."""

    audio: bytes
    timings: str | None  # JSON as in docs/speech.md, where the request asked for timings
    seconds: float  # of speech that the chunk adds, before the encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechAnswer:
    """A text that was spoken, as a whole."""

    speech: Speech
    audio: bytes
    headers: dict[str, str]
    timings: tuple[str, ...]  # of the chunks, in their order


async def open_speech(request: Request, order: SpeechOrder) -> Speech:
    """Return the speech once its first chunk is there; the work stops when the client goes.

    Raises:
        TritoneError: whatever it was refused for, in the contract's words.
        ClientGone: there is nobody to answer.
    """
    refuse_idempotency_key(request)
    caller = Caller(request_id=get_request_id(request), owner=get_owner(request))
    with in_words(order.words):
        speaking = get_speaker(request).speak(order.wanted, caller)
        speech = await unless_disconnected(request, speaking)
    request.state.served = Served(speech.card.name, speech.model_version)
    return speech


async def iterate_parts(
    speech: Speech, audio_format: AudioFormat
) -> AsyncGenerator[tuple[Pcm, str | None]]:
    """Yield what to feed to an encoder: the chunks with their timings, the first one in two parts.

    Whatever ends this ends the speech, too.
    """
    is_first = True
    async with aclosing(speech) as chunks:
        async for chunk in chunks:
            parts: tuple[Pcm, ...] = (chunk.pcm,)
            if is_first:
                parts = slice_first(chunk.pcm, speech.sample_rate, audio_format)
            is_first = False
            yield parts[0], chunk.timings
            for later in parts[1:]:
                yield later, None


async def encode_speech(
    request: Request, speech: Speech, audio_format: AudioFormat, *, is_whole: bool = False
) -> AsyncIterator[EncodedChunk]:
    """Yield a speech in a format; whatever ends this ends the speech, too.

    With `is_whole` all bytes come at the end, in a file that says its right length.
    """
    file = io.BytesIO() if is_whole else None
    encoder = StreamEncoder(speech.sample_rate, speech.card.audio_channels, audio_format, file=file)
    spoken_s = 0.0
    try:
        async with aclosing(iterate_parts(speech, audio_format)) as parts:
            async for pcm, timings in parts:
                seconds = pcm.shape[1] / speech.sample_rate
                spoken_s += seconds
                audio = await in_audio_thread(encoder.feed, pcm)
                yield EncodedChunk(audio, timings, seconds)
        rest = await in_audio_thread(encoder.finish)
        yield EncodedChunk(file.getvalue() if file else rest, None, 0.0)
    finally:
        get_gate(request).count_sound(get_owner(request), spoken_s)


def stream_speech(request: Request, speech: Speech, order: SpeechOrder) -> StreamedAnswer:
    """Return an answer that sends the audio of each chunk as soon as it is spoken."""

    async def send_audio() -> AsyncIterator[bytes]:
        async for chunk in encode_speech(request, speech, order.audio_format):
            if chunk.audio:
                yield chunk.audio

    return StreamedAnswer(send_audio(), speech.aclose, headers=make_speech_headers(speech, order))


async def make_speech_answer(request: Request, order: SpeechOrder) -> SpeechAnswer:
    """Return a whole speech in its format; the work stops when the client goes.

    Raises:
        RequestTooLarge: the text is too long to be sent as a whole.
        TritoneError: whatever it was refused for, in the contract's words.
        ClientGone: there is nobody to answer.
    """
    with in_words(order.words):
        _check_length(order.wanted.text)
    speech = await open_speech(request, order)
    return await unless_disconnected(request, _collect(request, speech, order))


def _check_length(text: str) -> None:
    if len(text) > MAX_WHOLE_CHARACTERS:
        message = f"A text of more than {MAX_WHOLE_CHARACTERS} characters must be streamed."
        raise RequestTooLarge(message, field="text", kind="too_long")


async def _collect(request: Request, speech: Speech, order: SpeechOrder) -> SpeechAnswer:
    audio, timings, seconds = [], [], 0.0
    async for chunk in encode_speech(request, speech, order.audio_format, is_whole=True):
        audio.append(chunk.audio)
        seconds += chunk.seconds
        if chunk.timings is not None:
            timings.append(chunk.timings)
    headers = make_speech_headers(speech, order) | {"x-tritone-seconds": f"{seconds:.6g}"}
    return SpeechAnswer(
        speech=speech, audio=b"".join(audio), headers=headers, timings=tuple(timings)
    )


def make_speech_headers(speech: Speech, order: SpeechOrder) -> dict[str, str]:
    """Return what is spoken as headers: the audio itself has no place for it."""
    audio_format = order.audio_format
    channels = choose_channels(audio_format, speech.card.audio_channels)
    return {
        **make_file_headers(audio_format, speech.voice.id, speech.seed),
        "x-tritone-model": speech.card.name,
        "x-tritone-model-version": speech.model_version,
        "x-tritone-voice": speech.voice.id,
        "x-tritone-seed": str(speech.seed),
        "x-tritone-sample-rate": str(choose_rate(audio_format, speech.sample_rate)),
        "x-tritone-channels": str(channels),
    } | make_note_headers((*order.notes, *speech.notes))
