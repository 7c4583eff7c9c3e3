"""Published names of voices and models of speech, and what stands in for them here.

A name of this table is never refused: the answer says in a header which voice spoke.
Sources: OpenAI's voice list of `POST /v1/audio/speech`; the premade voices of ElevenLabs' clients
and documents; the names in LocalAI's page "Text to audio".
"""

from typing import Literal

Gender = Literal["female", "male", "neutral"]

OPENAI_VOICES: dict[str, Gender] = {
    "alloy": "neutral",
    "ash": "male",
    "ballad": "male",
    "cedar": "male",
    "coral": "female",
    "echo": "male",
    "fable": "neutral",
    "marin": "female",
    "nova": "female",
    "onyx": "male",
    "sage": "female",
    "shimmer": "female",
    "verse": "male",
}

ELEVENLABS_VOICES: dict[str, tuple[str, Gender]] = {
    "21m00Tcm4TlvDq8ikWAM": ("Rachel", "female"),
    "9BWtsMINqrJLrRacOk9x": ("Aria", "female"),
    "AZnzlk1XvdvUeBnXmlld": ("Domi", "female"),
    "CwhRBWXzGAHq8TQ4Fs17": ("Roger", "male"),
    "EXAVITQu4vr4xnSDxMaL": ("Sarah", "female"),
    "ErXwobaYiN019PkySvjV": ("Antoni", "male"),
    "FGY2WhTYpPnrIDTdsKH5": ("Laura", "female"),
    "IKne3meq5aSn9XLyUdCD": ("Charlie", "male"),
    "JBFqnCBsd6RMkjVDRZzb": ("George", "male"),
    "MF3mGyEYCl7XYWbV9V6O": ("Elli", "female"),
    "N2lVS1w4EtoT3dr4eOWO": ("Callum", "male"),
    "SAz9YHcvj6GT2YYXdXww": ("River", "neutral"),
    "TX3LPaxmHKxFdv7VOQHJ": ("Liam", "male"),
    "TxGEqnHWrfWFTfGW9XjX": ("Josh", "male"),
    "VR6AewLTigWG4xSOukaG": ("Arnold", "male"),
    "XB0fDUnXU5powFXDhCwa": ("Charlotte", "female"),
    "Xb7hH8MSUJpSbSDYk0k2": ("Alice", "female"),
    "XrExE9yKIg1WjnnlVkGX": ("Matilda", "female"),
    "bIHbv24MWmeRgasZH58o": ("Will", "male"),
    "cgSgspJ2msm6clMCkdW9": ("Jessica", "female"),
    "cjVigY5qzO86Huf0OWal": ("Eric", "male"),
    "iP95p4xoKVk53GoZ742B": ("Chris", "male"),
    "nPczCjzI2devNBz1zQrb": ("Brian", "male"),
    "onwK4e9ZLuTAKqWW03F9": ("Daniel", "male"),
    "pFZP5JQG7iQjIQuC4Bku": ("Lily", "female"),
    "pNInz6obpgDQGcFmaJgB": ("Adam", "male"),
    "pqHfZKP75CvOlQylNhV4": ("Bill", "male"),
    "yoZ06aMxZJJ28mfd3POQ": ("Sam", "male"),
}
"""Premade voices: id, name and gender."""

VOICE_ALIASES: dict[str, Gender] = {
    **OPENAI_VOICES,
    **{voice_id.lower(): gender for voice_id, (_, gender) in ELEVENLABS_VOICES.items()},
    **{name.lower(): gender for name, gender in ELEVENLABS_VOICES.values()},
}
"""Each stands for an installed voice of its gender, or for the default voice. Lower case."""

MODEL_ALIASES = frozenset(
    {
        "tts",
        "tts-1",
        "tts-1-hd",
        "gpt-4o-mini-tts",
        "gpt-4o-mini-tts-2025-12-15",
        "eleven_monolingual_v1",
        "eleven_multilingual_v1",
        "eleven_multilingual_v2",
        "eleven_turbo_v2",
        "eleven_turbo_v2_5",
        "eleven_flash_v2",
        "eleven_flash_v2_5",
        "eleven_v3",
    }
)
"""Each stands for the default model of speech."""
