"""LocalAI's musical fields in our words: a prompt and controls.

Source: LocalAI's page "Sound Generation", advanced mode.
"""

from dataclasses import dataclass

from pydantic import Field

from frontend.contracts.kit.fields import Integer, StrictBody, Text
from tritone.card import ModelCard
from tritone.controls import (
    BPM,
    INSTRUMENTAL,
    KEYSCALE,
    LYRICS,
    TIMESIGNATURE,
    VOCAL_LANGUAGE,
    Controls,
)

DEFAULT_INFLUENCE = 0.3  # ElevenLabs' default of `prompt_influence`
_NO_GUIDANCE = 1.0
_MOST_GUIDANCE = 2.0  # times the model's default


class MusicalBody(StrictBody):
    """The fields that LocalAI adds to ElevenLabs'. ElevenLabs' clients may send them too."""

    instrumental: bool | None = Field(None, description="No vocals.")
    vocal_language: Text | None = Field(None, description="Language of the vocals.")
    language: Text | None = Field(None, description="The same; wins over `vocal_language`.")
    caption: Text | None = Field(None, description="Describes the music; said before `text`.")
    lyrics: Text | None = Field(None, description="Needs a model that sings.")
    bpm: Integer | None = Field(None, ge=1, le=1000, description="Beats per minute.")
    keyscale: Text | None = Field(None, description='Musical key, such as "Ab major".')
    timesignature: Text | None = Field(None, description='Time signature: "4", or "6/8".')
    think: bool | None = Field(None, description="Without effect on models that do not plan.")
    do_sample: bool | None = Field(None, description="Without effect on diffusion models.")


@dataclass(frozen=True, slots=True)
class Composition:
    """A prompt, what is said beside it, and notes about what has no effect on any model."""

    prompt: str
    controls: Controls
    notes: tuple[str, ...]


def compose(text: str | None, music: MusicalBody) -> Composition:
    """Return caption and text as one prompt, and the other fields as controls."""
    caption, text = _strip(music.caption), _strip(text)
    asked = {
        LYRICS: music.lyrics,
        VOCAL_LANGUAGE: music.language or music.vocal_language,
        INSTRUMENTAL: music.instrumental,
        BPM: music.bpm,
        KEYSCALE: music.keyscale,
        TIMESIGNATURE: music.timesignature,
    }
    return Composition(
        prompt=", ".join(filter(None, dict.fromkeys((caption, text)))),
        controls={name: value for name, value in asked.items() if value is not None},
        notes=_list_ignored(music),
    )


def _strip(text: str | None) -> str:
    return (text or "").strip()


def _list_ignored(music: MusicalBody) -> tuple[str, ...]:
    notes = []
    if music.think:
        notes.append("think ignored: the model does not plan")
    if music.do_sample is not None:
        notes.append("do_sample ignored: the model has no such choice")
    return tuple(notes)


def scale_guidance(prompt_influence: float | None, card: ModelCard) -> float | None:
    """Return the guidance scale for a prompt influence from 0 to 1; None: the model's default.

    Two straight lines: 0 is no guidance (1.0), 0.3 is the model's default, 1 is twice the default.
    So a request that states ElevenLabs' default gets the same sound as one that states nothing.
    """
    if prompt_influence is None or prompt_influence == DEFAULT_INFLUENCE:
        return None
    default = max(_NO_GUIDANCE, card.default_guidance_scale)
    if prompt_influence < DEFAULT_INFLUENCE:
        return _NO_GUIDANCE + (default - _NO_GUIDANCE) * prompt_influence / DEFAULT_INFLUENCE
    above = (prompt_influence - DEFAULT_INFLUENCE) / (1.0 - DEFAULT_INFLUENCE)
    return default * (1.0 + (_MOST_GUIDANCE - 1.0) * above)
