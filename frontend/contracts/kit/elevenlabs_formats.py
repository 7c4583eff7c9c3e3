"""ElevenLabs' names of audio formats, codec_rate[_kbps], which LocalAI takes over.

Source: the enumerations of the official clients (Python 2.78, JavaScript 2.73).
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from pydantic_core import PydanticCustomError

from frontend.audio.formats import FORMATS, AudioFormat, format_at

_PCM_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
_MP3 = ((22050, 32), (24000, 48), (44100, 32), (44100, 64), (44100, 96), (44100, 128), (44100, 192))
_OPUS_KILOBITS = (32, 64, 96, 128, 192)

OUTPUT_FORMATS: dict[str, AudioFormat] = {
    **{f"mp3_{rate}_{kbps}": format_at("mp3", rate, kbps * 1000) for rate, kbps in _MP3},
    **{f"pcm_{rate}": format_at("pcm", rate) for rate in _PCM_RATES},
    **{f"wav_{rate}": format_at("wav", rate) for rate in _PCM_RATES},
    "ulaw_8000": FORMATS["ulaw"],
    "alaw_8000": FORMATS["alaw"],
    **{f"opus_48000_{kbps}": format_at("opus", 48000, kbps * 1000) for kbps in _OPUS_KILOBITS},
}
"""The formats of sound effects."""


def _average(rate: int, kbps: int) -> AudioFormat:
    # MPEG-1 has no constant bit rate of 240 kbit/s.
    fixed = format_at("mp3", rate, kbps * 1000)
    return replace(fixed, options=(*fixed.options, ("abr", "1")))


MUSIC_FORMATS: dict[str, AudioFormat] = {
    **{word: each for word, each in OUTPUT_FORMATS.items() if not word.startswith("wav_")},
    **{f"mp3_48000_{kbps}": format_at("mp3", 48000, kbps * 1000) for kbps in (128, 192, 320)},
    "mp3_48000_240": _average(48000, 240),
}
"""The formats of music; the word `auto` is not among them."""


def one_of(words: Collection[str]) -> Callable[[str], str]:
    """Return a validator that accepts these words only; its message lists them."""

    def check(word: str) -> str:
        if word not in words:
            raise PydanticCustomError("enum", f"Input should be one of {', '.join(words)}")
        return word

    return check
