"""ElevenLabs: `POST /v1/text-to-speech/{voice_id}`, streamed, and with timestamps.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech and the requests of the official
clients (Python 0.2 to 2.78, JavaScript 2.73). What our voices have no use for is noted.
"""

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from frontend.audio.formats import AudioFormat
from frontend.contracts.elevenlabs.alignment import TimedAudio, align
from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.elevenlabs.sound import OWN_MODELS, add_vendor_headers
from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text
from frontend.contracts.kit.output_formats import OUTPUT_FORMATS, one_of
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

_MAX_SEED = 4294967295
_MAX_LOCATORS = 3
WORDS = {"model": "model_id", "voice": "voice_id", "language": "language_code"}
EXAMPLE = {"text": "The rain has stopped.", "model_id": "eleven_multilingual_v2"}
STREAM_FORMATS = {word: each for word, each in OUTPUT_FORMATS.items() if word[:4] != "wav_"}
NOTED_SETTINGS = ("stability", "similarity_boost", "style", "use_speaker_boost", "clone_strength")

Share = Annotated[float, Field(ge=0, le=1)]


class VoiceSettingsBody(StrictBody):
    """How a voice speaks. Only its speed has an effect on the installed voices."""

    stability: Share | None = None
    similarity_boost: Share | None = None
    style: Share | None = None
    use_speaker_boost: bool | None = None
    clone_strength: float | None = None
    speed: float = Field(1.0, ge=0.25, le=4.0, description="2 is twice as fast, at equal pitch.")


class DictionaryLocator(StrictBody):
    """A pronunciation dictionary, by its id."""

    pronunciation_dictionary_id: Name
    version_id: Text | None = None


class SpeechBody(StrictBody):
    """What to speak, and how."""

    text: Prompt = Field(description="The text.")
    model_id: Text | None = Field(None, description="A served model, or any `eleven_*`.")
    language_code: Text | None = Field(None, description="ISO 639-1; no other voice is taken.")
    voice_settings: VoiceSettingsBody | None = None
    pronunciation_dictionary_locators: list[DictionaryLocator] = Field(
        default_factory=list, max_length=_MAX_LOCATORS
    )
    seed: Integer | None = Field(None, ge=0, le=_MAX_SEED, description="Same seed, same audio.")
    previous_text: Text | None = Field(None, description="Sentences are spoken by themselves.")
    next_text: Text | None = Field(None, description="The same.")
    previous_request_ids: list[Text] = Field(default_factory=list, description="The same.")
    next_request_ids: list[Text] = Field(default_factory=list, description="The same.")
    use_pvc_as_ivc: bool = Field(False, description="Without effect.")
    apply_text_normalization: Literal["auto", "on", "off"] = Field(
        "auto", description="off: numbers and dates are not read as words."
    )
    apply_language_text_normalization: bool = Field(False, description="Without effect.")


class SpeechQuery(RequestModel):
    """How to deliver it."""

    output_format: Annotated[str, AfterValidator(one_of(OUTPUT_FORMATS))] = Field(
        "mp3_44100_128",
        description="codec_rate[_kbps]",
        json_schema_extra={"enum": list(OUTPUT_FORMATS)},
    )
    enable_logging: bool = Field(True, description="Without effect: nothing is retained.")
    optimize_streaming_latency: Integer | None = Field(
        None, ge=0, le=4, description="4: numbers and dates are not read as words."
    )

    @property
    def audio_format(self) -> AudioFormat:
        """The row of the format."""
        return OUTPUT_FORMATS[self.output_format]


class StreamQuery(SpeechQuery):
    """How to deliver what is sent while it is made: without a header that says its length."""

    output_format: Annotated[str, AfterValidator(one_of(STREAM_FORMATS))] = Field(
        "mp3_44100_128",
        description="codec_rate[_kbps]",
        json_schema_extra={"enum": list(STREAM_FORMATS)},
    )


def to_order(
    body: SpeechBody, query: SpeechQuery, voice_id: str, *, wants_timings: bool = False
) -> SpeechOrder:
    """Return body and query in our words."""
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
            normalizes=not is_literal,
            wants_timings=wants_timings,
        ),
        audio_format=query.audio_format,
        words=WORDS,
        notes=(*_note_ignored(body, given), *body.notes),
    )


def find_model(model_id: str | None) -> str | None:
    """Return the model to ask for; the vendor's ids stand for the default one."""
    return None if model_id is None or model_id.startswith(OWN_MODELS) else model_id


def _note_ignored(body: SpeechBody, settings: VoiceSettingsBody | None) -> tuple[str, ...]:
    named = [name for name in NOTED_SETTINGS if settings and getattr(settings, name) is not None]
    context = ("previous_text", "next_text", "previous_request_ids", "next_request_ids")
    named += [name for name in context if getattr(body, name)]
    if body.pronunciation_dictionary_locators:
        named.append("pronunciation_dictionary_locators")
    return tuple(f"{name} ignored" for name in named)


router = make_router(ENVELOPE, "ElevenLabs")
_BODY = openapi.body_of(SpeechBody, EXAMPLE)
_EXTRA = _BODY | openapi.query_of(SpeechQuery, "voice_id")
_STREAM_EXTRA = _BODY | openapi.query_of(StreamQuery, "voice_id")
_ERRORS = openapi.errors_of(ENVELOPE)
_AUDIO = openapi.audio_of(OUTPUT_FORMATS.values()) | _ERRORS
PATH = "/v1/text-to-speech/{voice_id}"


@router.post(PATH, response_class=Response, responses=_AUDIO, openapi_extra=_EXTRA)
async def speak(request: Request) -> Response:
    """Turn text into speech."""
    body, query = await read_body(request, SpeechBody), read_query(request, SpeechQuery)
    order = to_order(body, query, get_voice_id(request))
    answer = await make_speech_answer(request, order)
    return Response(answer.audio, headers=make_vendor_headers(request, body, answer.headers))


@router.post(
    f"{PATH}/stream", response_class=Response, responses=_AUDIO, openapi_extra=_STREAM_EXTRA
)
async def stream(request: Request) -> Response:
    """Turn text into speech, which is sent while it is made."""
    body, query = await read_body(request, SpeechBody), read_query(request, StreamQuery)
    order = to_order(body, query, get_voice_id(request))
    answer = stream_speech(request, await open_speech(request, order), order)
    answer.headers.update(make_vendor_headers(request, body, {}))
    return answer


@router.post(
    f"{PATH}/with-timestamps", response_model=TimedAudio, responses=_ERRORS, openapi_extra=_EXTRA
)
async def speak_with_timestamps(request: Request) -> Response:
    """Turn text into speech, and say when each character is heard."""
    body, query = await read_body(request, SpeechBody), read_query(request, SpeechQuery)
    order = to_order(body, query, get_voice_id(request), wants_timings=True)
    answer = await make_speech_answer(request, order)
    headers = {k: v for k, v in answer.headers.items() if k != "content-type"}
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
    body, query = await read_body(request, SpeechBody), read_query(request, StreamQuery)
    order = to_order(body, query, get_voice_id(request), wants_timings=True)
    speech = await open_speech(request, order)
    headers = make_speech_headers(speech, order) | {"content-type": "application/json"}
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


def get_voice_id(request: Request) -> str:
    """Return the voice that the path names."""
    return str(request.path_params["voice_id"])


def make_vendor_headers(
    request: Request, body: SpeechBody, headers: dict[str, str]
) -> dict[str, str]:
    """Return headers with those that the official clients read; a character costs one credit."""
    return add_vendor_headers(request, headers | {"character-cost": str(len(body.text))})
