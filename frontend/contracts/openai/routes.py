"""OpenAI: `POST /v1/audio/speech`.

Source: https://platform.openai.com/docs/api-reference/audio/createSpeech and the requests of the
official clients (Python 1.109 to 3.52, JavaScript 6). `instructions` steer no voice of ours yet.
"""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import Field

from frontend.audio.formats import FORMATS, AudioFormat, format_at
from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import read_body
from frontend.contracts.kit.fields import Name, Prompt, StrictBody, Text
from frontend.contracts.kit.route import make_router
from frontend.contracts.kit.speech_answer import SpeechOrder, open_speech, stream_speech
from frontend.contracts.kit.speech_events import stream_speech_events
from frontend.contracts.openai.envelope import ENVELOPE
from frontend.speech.request import SpeechRequest

_MAX_CHARACTERS = 4096
_PCM_RATE = 24_000  # Hz, as the document promises

FormatWord = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMAT_WORDS: dict[str, AudioFormat] = {
    "mp3": FORMATS["mp3"],
    "opus": replace(FORMATS["opus"], media_type="audio/opus"),
    "aac": FORMATS["aac"],
    "flac": FORMATS["flac"],
    "wav": FORMATS["wav"],
    "pcm": format_at("pcm", _PCM_RATE),
}
WORDS = {"text": "input"}
EXAMPLE = {"model": "tts-1", "input": "The rain has stopped.", "voice": "alloy"}


class VoiceObject(StrictBody):
    """A voice, as newer clients name it."""

    id: Name


class SpeechBody(StrictBody):
    """What to speak, and how."""

    model: Name = Field(description="A served model, or one of OpenAI's names.")
    input: Annotated[Prompt, Field(max_length=_MAX_CHARACTERS)] = Field(description="The text.")
    voice: Name | VoiceObject = Field(description="An installed voice, or one of OpenAI's names.")
    instructions: Annotated[Text, Field(max_length=_MAX_CHARACTERS)] | None = Field(
        None, description="How to speak. No installed voice follows it; the answer notes that."
    )
    response_format: FormatWord = Field("mp3", description="Format of the audio.")
    speed: float = Field(1.0, ge=0.25, le=4.0, description="2 is twice as fast, at equal pitch.")
    stream_format: Literal["audio", "sse"] = Field(
        "audio", description="The audio itself, or events that carry it in base64."
    )

    @property
    def voice_name(self) -> str:
        """The name, however it was sent."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


def to_order(body: SpeechBody) -> SpeechOrder:
    """Return the body in our words."""
    ignored = ("instructions ignored: the voice cannot be steered",) if body.instructions else ()
    return SpeechOrder(
        wanted=SpeechRequest(
            text=body.input, model=body.model, voice=body.voice_name, speed=body.speed
        ),
        audio_format=FORMAT_WORDS[body.response_format],
        words=WORDS,
        notes=(*ignored, *body.notes),
    )


router = make_router(ENVELOPE, "OpenAI")


async def speak(request: Request) -> Response:
    """Turn text into speech; the audio is sent while it is made."""
    body = await read_body(request, SpeechBody)
    order = to_order(body)
    speech = await open_speech(request, order)
    if body.stream_format == "sse":
        return stream_speech_events(request, speech, order)
    return stream_speech(request, speech, order)


# Below `/openai`; at the root `shared_paths/speech.py` answers. Some clients' base URL lacks `/v1`.
for _path in ("/v1/audio/speech", "/audio/speech"):
    router.add_api_route(
        _path,
        speak,
        methods=["POST"],
        response_class=Response,
        responses=openapi.audio_of(FORMAT_WORDS.values(), has_events=True)
        | openapi.errors_of(ENVELOPE),
        openapi_extra=openapi.body_of(SpeechBody, EXAMPLE),
    )
