"""Decide whether a request on a shared path speaks ElevenLabs or LocalAI. A pure function.

Source: LocalAI's page "Sound Generation" (what it adds to ElevenLabs' fields); the official
ElevenLabs clients 1.59-2.78 (what they send).
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from frontend.contracts.kit.fields import is_absent

Dialect = Literal["elevenlabs", "localai"]

LOCALAI_SOUND_FIELDS = frozenset(
    {
        "caption",
        "lyrics",
        "bpm",
        "think",
        "keyscale",
        "timesignature",
        "instrumental",
        "vocal_language",
        "language",
        "do_sample",
    }
)
"""Body fields that only LocalAI has."""

_ELEVENLABS_AGENTS = ("elevenlabs/", "@elevenlabs/")
_ELEVENLABS_QUERY = frozenset({"output_format", "enable_logging"})


def speaks_elevenlabs(headers: Mapping[str, str]) -> bool:
    """Return whether an official ElevenLabs client sent these headers (names in lower case)."""
    return "elevenlabs" in headers.get("x-fern-sdk-name", "").lower() or headers.get(
        "user-agent", ""
    ).lower().startswith(_ELEVENLABS_AGENTS)


def find_dialect(
    headers: Mapping[str, str],
    query: Collection[str],
    body: Mapping[str, Any] | None,
    *,
    strict: bool = False,
) -> Dialect:
    """Return the dialect of a request; the first rule that applies decides.

    1. an official ElevenLabs client: ElevenLabs
    2. a field that only LocalAI has: LocalAI
    3. a header `xi-api-key`: ElevenLabs
    4. `output_format` or `enable_logging` in the query: ElevenLabs
    5. a `model_id` that does not start with `eleven_`: LocalAI
    6. a header `Authorization`: LocalAI
    7. otherwise ElevenLabs; with `strict`, LocalAI if no model is named (who then refuses it)

    `headers` has lower-case names, `query` holds the names in the query, `body` is None when it
    could not be read. Null and an empty string count as absent.
    """
    if speaks_elevenlabs(headers):
        return "elevenlabs"
    given = {name for name, value in (body or {}).items() if not is_absent(value)}
    if given & LOCALAI_SOUND_FIELDS:
        return "localai"
    if "xi-api-key" in headers or _ELEVENLABS_QUERY.intersection(query):
        return "elevenlabs"
    if body is not None and "model_id" in given:
        model = body["model_id"]
        if not (isinstance(model, str) and model.startswith("eleven_")):
            return "localai"
    if "authorization" in headers:
        return "localai"
    is_bare = body is not None and "model_id" not in given
    return "localai" if strict and is_bare else "elevenlabs"
