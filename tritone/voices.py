"""Names of voices that people send for voices that are not here: whom they mean, and who stands in.

A stand-in speaks the same language. Whoever answers with one says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tritone.card import Voice

Gender = Literal["female", "male", "neutral"]


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice of another service."""

    name: str
    gender: Gender
    language: str = "en-US"


OPENAI_VOICES: dict[str, KnownVoice] = {
    "alloy": KnownVoice("Alloy", "neutral"),
    "ash": KnownVoice("Ash", "male"),
    "ballad": KnownVoice("Ballad", "male", "en-GB"),
    "cedar": KnownVoice("Cedar", "male"),
    "coral": KnownVoice("Coral", "female"),
    "echo": KnownVoice("Echo", "male"),
    "fable": KnownVoice("Fable", "neutral", "en-GB"),
    "marin": KnownVoice("Marin", "female"),
    "nova": KnownVoice("Nova", "female"),
    "onyx": KnownVoice("Onyx", "male"),
    "sage": KnownVoice("Sage", "female"),
    "shimmer": KnownVoice("Shimmer", "female"),
    "verse": KnownVoice("Verse", "male"),
}
"""By the name that requests carry. Genders as they are commonly heard; the vendor states none."""

ELEVENLABS_VOICES: dict[str, KnownVoice] = {
    "21m00Tcm4TlvDq8ikWAM": KnownVoice("Rachel", "female"),
    "9BWtsMINqrJLrRacOk9x": KnownVoice("Aria", "female"),
    "AZnzlk1XvdvUeBnXmlld": KnownVoice("Domi", "female"),
    "CwhRBWXzGAHq8TQ4Fs17": KnownVoice("Roger", "male"),
    "EXAVITQu4vr4xnSDxMaL": KnownVoice("Sarah", "female"),
    "ErXwobaYiN019PkySvjV": KnownVoice("Antoni", "male"),
    "FGY2WhTYpPnrIDTdsKH5": KnownVoice("Laura", "female"),
    "IKne3meq5aSn9XLyUdCD": KnownVoice("Charlie", "male", "en-AU"),
    "JBFqnCBsd6RMkjVDRZzb": KnownVoice("George", "male", "en-GB"),
    "MF3mGyEYCl7XYWbV9V6O": KnownVoice("Elli", "female"),
    "N2lVS1w4EtoT3dr4eOWO": KnownVoice("Callum", "male"),
    "SAz9YHcvj6GT2YYXdXww": KnownVoice("River", "neutral"),
    "TX3LPaxmHKxFdv7VOQHJ": KnownVoice("Liam", "male"),
    "TxGEqnHWrfWFTfGW9XjX": KnownVoice("Josh", "male"),
    "VR6AewLTigWG4xSOukaG": KnownVoice("Arnold", "male"),
    "XB0fDUnXU5powFXDhCwa": KnownVoice("Charlotte", "female"),
    "Xb7hH8MSUJpSbSDYk0k2": KnownVoice("Alice", "female", "en-GB"),
    "XrExE9yKIg1WjnnlVkGX": KnownVoice("Matilda", "female"),
    "bIHbv24MWmeRgasZH58o": KnownVoice("Will", "male"),
    "cgSgspJ2msm6clMCkdW9": KnownVoice("Jessica", "female"),
    "cjVigY5qzO86Huf0OWal": KnownVoice("Eric", "male"),
    "iP95p4xoKVk53GoZ742B": KnownVoice("Chris", "male"),
    "nPczCjzI2devNBz1zQrb": KnownVoice("Brian", "male"),
    "onwK4e9ZLuTAKqWW03F9": KnownVoice("Daniel", "male", "en-GB"),
    "pFZP5JQG7iQjIQuC4Bku": KnownVoice("Lily", "female", "en-GB"),
    "pNInz6obpgDQGcFmaJgB": KnownVoice("Adam", "male"),
    "pqHfZKP75CvOlQylNhV4": KnownVoice("Bill", "male"),
    "yoZ06aMxZJJ28mfd3POQ": KnownVoice("Sam", "male"),
}
"""ElevenLabs' premade voices by their ids."""


def stand_in(known: KnownVoice, voices: Sequence[Voice]) -> Voice | None:
    """Return the voice that is most like a known one, or None where none speaks its language.

    The first of equals: put the default voice first.
    """
    speaking = [v for v in voices if _primary(v.language) == _primary(known.language)]
    return max(
        speaking,
        key=lambda voice: (voice.gender == known.gender, voice.language == known.language),
        default=None,
    )


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()
