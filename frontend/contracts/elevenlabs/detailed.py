"""ElevenLabs: `POST /v1/music/detailed`, music with its plan in one multipart answer.

Source: https://elevenlabs.io/docs/api-reference/music/compose-detailed, and how the official
clients 2.18-2.78 (Python) and 2.73 (JavaScript) take the answer apart: by lines. The boundary is
the first line; the JSON is one line, two after its type; what follows the second part's head is
the audio, to the end. Python keeps a closing boundary in the audio, so there is none.
"""

import json
import secrets

import numpy as np
from fastapi import Request, Response
from pydantic import Field

from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.elevenlabs.music import EXAMPLE as MUSIC_EXAMPLE
from frontend.contracts.elevenlabs.music import (
    MusicBody,
    MusicQuery,
    compose_music,
    make_music_headers,
)
from frontend.contracts.elevenlabs.plan import make_plan
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Answer
from frontend.contracts.kit.file_headers import without_file
from frontend.contracts.kit.route import make_router
from frontend.sounds.request import Sound

EXAMPLE = MUSIC_EXAMPLE | {"with_waveform_visual": True}
_TITLE_CHARS = 60
_WAVEFORM_PER_SECOND, _WAVEFORM_PEAK = 4, 1000
_INT16_PEAK = 32768


class DetailedBody(MusicBody):
    """Music to be made, and the details to send along."""

    with_timestamps: bool = Field(False, description="Adds an empty list: no words are sung.")
    with_waveform_visual: bool = Field(
        False, description="Adds the waveform: four values per second, from -1000 to 1000."
    )


def describe_song(body: DetailedBody, sound: Sound) -> dict[str, object]:
    """Return the details that the contract has of a song; unknown ones are null or empty."""
    plan = body.composition_plan or make_plan(body.prompt or "", round(1000 * sound.seconds))
    details: dict[str, object] = {
        "composition_plan": plan.model_dump(),
        "song_metadata": {
            "title": (body.prompt or plan.prompt)[:_TITLE_CHARS].strip(),
            "description": body.prompt or plan.prompt,
            "genres": [],
            "languages": [],
            "is_explicit": None,
        },
    }
    if body.with_timestamps:
        details["words_timestamps"] = []
    if body.with_waveform_visual:
        details["waveform_visual"] = draw_waveform(sound)
    return details


def draw_waveform(sound: Sound) -> list[int]:
    """Return the sample of the largest magnitude of every quarter of a second, mixed to mono."""
    mono = sound.pcm.mean(axis=0)
    n_values = max(1, round(_WAVEFORM_PER_SECOND * sound.seconds))
    extremes = (part[np.abs(part).argmax()] for part in np.array_split(mono, n_values) if part.size)
    return [round(float(value) * _WAVEFORM_PEAK / _INT16_PEAK) for value in extremes]


def make_multipart(details: dict[str, object], answer: Answer, extension: str) -> tuple[bytes, str]:
    """Return a body and its boundary, as the official clients read them."""
    boundary = secrets.token_hex(16)
    head = (
        f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(details)}\r\n"
        f"--{boundary}\r\nContent-Type: {answer.headers['content-type']}\r\n"
        f'Content-Disposition: attachment; filename="music.{extension}"\r\n\r\n'
    )
    return head.encode() + answer.audio, boundary


router = make_router(ENVELOPE, "ElevenLabs")


@router.post(
    "/v1/music/detailed",
    response_class=Response,
    responses={
        200: {
            "description": "JSON with the plan and what is known of the song, then the audio.",
            "content": {"multipart/mixed": {"schema": {"type": "string", "format": "binary"}}},
        },
        **openapi.errors_of(ENVELOPE),
    },
    openapi_extra=openapi.body_of(DetailedBody, EXAMPLE) | openapi.query_of(MusicQuery),
)
async def compose_detailed(request: Request) -> Response:
    """Turn text or a plan into music, with details about it."""
    body, answer, audio_format = await compose_music(request, DetailedBody)
    details = describe_song(body, answer.sound)
    content, boundary = make_multipart(details, answer, audio_format.extension)
    own = {"content-type": f"multipart/mixed; boundary={boundary}"}
    return Response(content, headers={**without_file(make_music_headers(request, answer)), **own})
