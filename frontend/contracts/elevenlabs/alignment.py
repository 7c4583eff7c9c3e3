"""When each character is heard, as ElevenLabs says it.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech/convert-with-timestamps. A streamed
line's times count from the begin of the whole audio, as a whole answer's do.
"""

import json
from typing import Any

from pydantic import BaseModel


class Alignment(BaseModel):
    """Three lists of one length."""

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


class TimedAudio(BaseModel):
    """Audio, and when each character of its text is heard: as written, and as it is read."""

    audio_base64: str
    alignment: Alignment | None
    normalized_alignment: Alignment | None


def align(timings: tuple[str, ...]) -> tuple[Alignment | None, Alignment | None]:
    """Return when each character is heard, as written and as read; None where nothing is said.

    `timings` is the JSON of chunks, in their order: see docs/speech.md.
    """
    chunks = [json.loads(each) for each in timings]
    if not chunks:
        return None, None
    return _join(chunks, "alignment"), _join(chunks, "normalized_alignment")


def _join(chunks: list[dict[str, Any]], name: str) -> Alignment:
    def shift(key: str) -> list[float]:
        return [round(c["start_s"] + each, 4) for c in chunks for each in c[name][key]]

    return Alignment(
        characters=[each for c in chunks for each in c[name]["characters"]],
        character_start_times_seconds=shift("character_start_times_seconds"),
        character_end_times_seconds=shift("character_end_times_seconds"),
    )
