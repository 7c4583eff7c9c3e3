"""What a contract asks to be spoken, in the words that all contracts of speech share."""

from dataclasses import dataclass

from tritone.speech_options import Pronunciation


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """One text to speak, in our words. None means: the model's or the voice's default."""

    text: str
    model: str | None = None  # a served name or an alias; None: the one that has the voice
    voice: str | None = None  # id of a voice
    language: str | None = None  # BCP 47 or ISO 639-1: refused where the voice speaks another
    speed: float = 1.0  # 1: the voice's own pace
    seed: int | None = None  # None: drawn at random and reported
    pronunciations: tuple[Pronunciation, ...] = ()
    normalizes: bool = True  # whether numbers, dates and abbreviations are read as words
    wants_timings: bool = False  # chunks say when each word is heard
    timeout_s: float | None = None
