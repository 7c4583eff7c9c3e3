"""ElevenLabs: `POST /v1/text-to-speech/{voice_id}`, streamed, and with timestamps."""

import base64
from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontend.contracts.elevenlabs.alignment import TimedAudio, align
from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.elevenlabs.locators import Pronunciations, find_pronunciations
from frontend.contracts.elevenlabs.sound import OWN_MODELS, add_vendor_headers
from frontend.contracts.elevenlabs.speech_body import (
    SpeechBody,
    SpeechQuery,
    StreamQuery,
    VoiceSettingsBody,
)
from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.contracts.kit.file_headers import without_file
from frontend.contracts.kit.route import make_router
from frontend.contracts.kit.speech_answer import (
    SpeechOrder,
    encode_speech,
    make_speech_answer,
    make_speech_headers,
    open_speech,
    stream_speech,
)
from frontend.contracts.kit.streamed import StreamedAnswer
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speech

WORDS = {"model": "model_id", "voice": "voice_id", "language": "language_code"}
EXAMPLE = {"text": "The rain has stopped.", "model_id": "eleven_multilingual_v2"}
NOTED_SETTINGS = ("stability", "similarity_boost", "style", "use_speaker_boost", "clone_strength")


def to_order(
    body: SpeechBody,
    query: SpeechQuery,
    voice_id: str,
    *,
    pronunciations: Pronunciations = (),
    wants_timings: bool = False,
) -> SpeechOrder:
    """Return body and query in our words, with the rules of the dictionaries that it names."""
    given = body.voice_settings
    settings = given or VoiceSettingsBody.model_validate({})
    is_literal = (
        body.apply_text_normalization == "off" or query.optimize_streaming_latency == 4  # noqa: PLR2004
    )
    return SpeechOrder(
        wanted=SpeechRequest(
            text=body.text,
            model=find_model(body.model_id),
            voice=voice_id,
            language=body.language_code,
            speed=settings.speed,
            seed=body.seed,
            pronunciations=pronunciations,
            normalizes=not is_literal,
            wants_timings=wants_timings,
        ),
        audio_format=query.audio_format,
        words=WORDS,
        notes=(*_note_ignored(body, given), *body.notes, *query.notes),
    )


def find_model(model_id: str | None) -> str | None:
    """Return the model to ask for; the vendor's ids stand for the default one."""
    return None if model_id is None or model_id.startswith(OWN_MODELS) else model_id


def _note_ignored(body: SpeechBody, settings: VoiceSettingsBody | None) -> tuple[str, ...]:
    named = [name for name in NOTED_SETTINGS if settings and getattr(settings, name) is not None]
    context = ("previous_text", "next_text", "previous_request_ids", "next_request_ids")
    named += [name for name in context if getattr(body, name)]
    return tuple(f"{name} ignored" for name in named)


router = make_router(ENVELOPE, "ElevenLabs")
_BODY = openapi.body_of(SpeechBody, EXAMPLE)
_EXTRA = _BODY | openapi.query_of(SpeechQuery, "voice_id")
_STREAM_EXTRA = _BODY | openapi.query_of(StreamQuery, "voice_id")
_ERRORS = openapi.errors_of(ENVELOPE)
_AUDIO = openapi.audio_of(OUTPUT_FORMATS.values()) | _ERRORS
PATH = "/v1/text-to-speech/{voice_id}"


async def _read_order(
    request: Request, model: type[SpeechQuery], *, wants_timings: bool = False
) -> tuple[SpeechBody, SpeechOrder]:
    body, query = await read_body(request, SpeechBody), read_query(request, model)
    locators = body.pronunciation_dictionary_locators
    order = to_order(
        body,
        query,
        str(request.path_params["voice_id"]),
        pronunciations=await find_pronunciations(request, locators),
        wants_timings=wants_timings,
    )
    return body, order


@router.post(PATH, response_class=Response, responses=_AUDIO, openapi_extra=_EXTRA)
async def speak(request: Request) -> Response:
    """Turn text into speech."""
    body, order = await _read_order(request, SpeechQuery)
    answer = await make_speech_answer(request, order)
    return Response(answer.audio, headers=make_vendor_headers(request, body, answer.headers))


@router.post(
    f"{PATH}/stream", response_class=Response, responses=_AUDIO, openapi_extra=_STREAM_EXTRA
)
async def stream(request: Request) -> Response:
    """Turn text into speech, which is sent while it is made."""
    body, order = await _read_order(request, StreamQuery)
    answer = stream_speech(request, await open_speech(request, order), order)
    answer.headers.update(make_vendor_headers(request, body, {}))
    return answer


@router.post(
    f"{PATH}/with-timestamps", response_model=TimedAudio, responses=_ERRORS, openapi_extra=_EXTRA
)
async def speak_with_timestamps(request: Request) -> Response:
    """Turn text into speech, and say when each character is heard."""
    body, order = await _read_order(request, SpeechQuery, wants_timings=True)
    answer = await make_speech_answer(request, order)
    headers = without_file(answer.headers)
    content = _make_timed(answer.audio, answer.timings)
    return JSONResponse(content.model_dump(), headers=make_vendor_headers(request, body, headers))


@router.post(
    f"{PATH}/stream/with-timestamps",
    response_model=TimedAudio,
    responses=_ERRORS,
    openapi_extra=_STREAM_EXTRA,
)
async def stream_with_timestamps(request: Request) -> Response:
    """Send lines of JSON while the speech is made: audio, and when each character is heard."""
    body, order = await _read_order(request, StreamQuery, wants_timings=True)
    speech = await open_speech(request, order)
    described = without_file(make_speech_headers(speech, order))
    headers = described | {"content-type": "application/json"}
    return StreamedAnswer(
        _send_lines(request, speech, order),
        speech.aclose,
        headers=make_vendor_headers(request, body, headers),
    )


async def _send_lines(request: Request, speech: Speech, order: SpeechOrder) -> AsyncIterator[bytes]:
    async for chunk in encode_speech(request, speech, order.audio_format):
        timings = () if chunk.timings is None else (chunk.timings,)
        if chunk.audio or timings:
            yield f"{_make_timed(chunk.audio, timings).model_dump_json()}\n".encode()


def _make_timed(audio: bytes, timings: tuple[str, ...]) -> TimedAudio:
    alignment, normalized = align(timings)
    return TimedAudio(
        audio_base64=base64.b64encode(audio).decode(),
        alignment=alignment,
        normalized_alignment=normalized,
    )


def make_vendor_headers(
    request: Request, body: SpeechBody, headers: dict[str, str]
) -> dict[str, str]:
    """Return headers with those that the official clients read; a character costs one credit."""
    return add_vendor_headers(request, headers | {"character-cost": str(len(body.text))})
