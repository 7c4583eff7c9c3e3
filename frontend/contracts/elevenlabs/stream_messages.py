"""What goes in both directions on ElevenLabs' WebSocket.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input
and `realtime_tts.py` of the official Python clients 1.x and 2.x. Times of an alignment count from
the begin of their own chunk.
"""

import base64
import json
from typing import Annotated, Any, Literal

from pydantic import Field

from frontend.contracts.elevenlabs.speech_body import (
    MAX_LOCATORS,
    DictionaryLocator,
    SpeechBody,
    StreamQuery,
    VoiceSettingsBody,
)
from frontend.contracts.kit.body import JsonObject
from frontend.contracts.kit.fields import Integer, StrictBody, Text

DEFAULT_SCHEDULE = (120, 160, 250, 290)
_MAX_INACTIVITY_S = 180.0
_MAX_SEED = 4294967295
_MAX_STEPS = 50  # of a schedule
_KEY_FIELDS = {
    "xi-api-key": "xi-api-key",
    "xi_api_key": "xi-api-key",
    "authorization": "authorization",
}

Characters = Annotated[Integer, Field(ge=50, le=500)]


class GenerationConfig(StrictBody):
    """When buffered text is spoken."""

    chunk_length_schedule: list[Characters] = Field(default_factory=list, max_length=_MAX_STEPS)


class StreamInputQuery(StreamQuery):
    """What holds for the whole connection."""

    model_id: Text | None = None
    language_code: Text | None = None
    inactivity_timeout: float = Field(20.0, gt=0, le=_MAX_INACTIVITY_S, description="Seconds.")
    sync_alignment: bool = Field(False, description="Without effect: alignments are always sent.")
    auto_mode: bool = Field(False, description="Every message is spoken at once.")
    enable_ssml_parsing: bool = Field(False, description="Without effect: breaks are always read.")
    apply_text_normalization: Literal["auto", "on", "off"] = "auto"
    seed: Integer | None = Field(None, ge=0, le=_MAX_SEED)


class InputMessage(StrictBody):
    """Text to speak; the first message also says how. An empty text ends the input."""

    text: Text
    flush: bool = False
    try_trigger_generation: bool = False
    voice_settings: VoiceSettingsBody | None = None
    generation_config: GenerationConfig | None = None
    pronunciation_dictionary_locators: list[DictionaryLocator] = Field(
        default_factory=list, max_length=MAX_LOCATORS
    )

    @property
    def schedule(self) -> tuple[int, ...]:
        """The characters to wait for before each passage."""
        config = self.generation_config
        return tuple(config.chunk_length_schedule) if config else ()


def find_key(fields: JsonObject) -> dict[str, str]:
    """Return the key in a first message or a query, under the names of headers."""
    return {
        header: value
        for name, header in _KEY_FIELDS.items()
        if isinstance(value := fields.get(name), str) and value
    }


def make_speech_body(
    query: StreamInputQuery, text: str, first: InputMessage, seed: int
) -> SpeechBody:
    """Return a passage as the body of a request of its own."""
    return SpeechBody.model_validate(
        {
            "text": text,
            "model_id": query.model_id,
            "language_code": query.language_code,
            "seed": seed,
            "voice_settings": first.voice_settings,
            "apply_text_normalization": query.apply_text_normalization,
        }
    )


def make_output(audio: bytes, timings: str | None, shift_s: float = 0.0) -> dict[str, Any]:
    """Return a message with audio; `shift_s` is the silence before the chunk."""
    chunk = json.loads(timings) if timings is not None else None
    return {
        "audio": base64.b64encode(audio).decode(),
        "isFinal": None,
        "alignment": chunk and _to_ms(chunk["alignment"], shift_s),
        "normalizedAlignment": chunk and _to_ms(chunk["normalized_alignment"], shift_s),
    }


FINAL_OUTPUT: dict[str, Any] = {
    "audio": None,
    "isFinal": True,
    "alignment": None,
    "normalizedAlignment": None,
}


def _to_ms(alignment: dict[str, Any], shift_s: float) -> dict[str, Any]:
    starts = [round(1000 * (s + shift_s)) for s in alignment["character_start_times_seconds"]]
    ends = [round(1000 * (s + shift_s)) for s in alignment["character_end_times_seconds"]]
    return {
        "chars": alignment["characters"],
        "charStartTimesMs": starts,
        "charDurationsMs": [end - start for start, end in zip(starts, ends, strict=True)],
    }
