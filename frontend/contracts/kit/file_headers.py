"""Headers of an answer whose body is a sound: its type, and the name that it is saved under."""

import re
from collections.abc import Mapping

from frontend.audio.formats import AudioFormat

_NAME = "content-disposition"


def make_file_headers(audio_format: AudioFormat, *words: object) -> dict[str, str]:
    """Return headers that name a sound after `words`. Browsers still play it.

    Source: RFC 6266.
    """
    # Operators choose the names of models and voices: not all characters may be in a header.
    stem = "-".join(re.sub(r"[^A-Za-z0-9_-]+", "-", str(word)) for word in words)
    return {
        "content-type": audio_format.media_type,
        _NAME: f'inline; filename="{stem}.{audio_format.extension}"',
    }


def attach(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a sound that browsers shall save, not play."""
    return {**headers, _NAME: headers[_NAME].replace("inline", "attachment", 1)}


def without_file(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the headers say of a sound, for a body that only has it inside."""
    return {name: value for name, value in headers.items() if not name.startswith("content-")}
