"""Audio formats, one row each. Contracts have words of their own; `stream_encoder` makes bytes."""

from dataclasses import dataclass, replace
from typing import Literal

Packing = Literal["samples", "wav", "coded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """One format and the choices within it. None: as the sound is, or the codec's own."""

    name: str
    media_type: str
    extension: str
    packing: Packing  # bare samples, samples behind a WAV header, or coded by FFmpeg
    container: str  # FFmpeg's name of the muxer
    codec: str  # FFmpeg's name of the encoder
    sample_format: str  # what the encoder takes
    sample_rates: tuple[int, ...] | None = None  # Hz, ascending; None: any
    options: tuple[tuple[str, str], ...] = ()  # of the encoder
    sample_rate: int | None = None  # Hz
    bit_rate: int | None = None  # bit/s
    channels: int | None = None


_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MPEG_RATES, 64000, 88200, 96000)

FORMATS: dict[str, AudioFormat] = {
    "wav": AudioFormat(
        name="wav",
        media_type="audio/wav",
        extension="wav",
        packing="wav",
        container="wav",
        codec="pcm_s16le",
        sample_format="s16",
    ),
    "pcm": AudioFormat(
        name="pcm",  # signed 16 bit, little-endian, interleaved, no header
        media_type="audio/pcm",
        extension="pcm",
        packing="samples",
        container="s16le",
        codec="pcm_s16le",
        sample_format="s16",
    ),
    "flac": AudioFormat(
        name="flac",
        media_type="audio/flac",
        extension="flac",
        packing="coded",
        container="flac",
        codec="flac",
        sample_format="s16",
    ),
    "mp3": AudioFormat(
        name="mp3",
        media_type="audio/mpeg",
        extension="mp3",
        packing="coded",
        container="mp3",
        codec="libmp3lame",
        sample_format="s16p",
        sample_rates=_MPEG_RATES,
        options=(("compression_level", "7"),),  # half the CPU of the default at the same SNR
        bit_rate=192_000,
    ),
    "aac": AudioFormat(
        name="aac",
        media_type="audio/aac",
        extension="aac",
        packing="coded",
        container="adts",
        codec="aac",
        sample_format="fltp",
        sample_rates=_AAC_RATES,
        options=(("aac_coder", "fast"),),  # a quarter of the CPU of the default
        bit_rate=192_000,
    ),
    "opus": AudioFormat(
        name="opus",
        media_type="audio/ogg",  # the container; some contracts call it audio/opus
        extension="ogg",
        packing="coded",
        container="ogg",
        codec="libopus",
        sample_format="s16",
        sample_rates=(48000,),
        bit_rate=128_000,
    ),
    "ulaw": AudioFormat(
        name="ulaw",  # G.711, no header
        media_type="audio/basic",
        extension="ulaw",
        packing="coded",
        container="mulaw",
        codec="pcm_mulaw",
        sample_format="s16",
        sample_rates=(8000,),
        channels=1,
    ),
    "alaw": AudioFormat(
        name="alaw",  # G.711, no header
        media_type="audio/x-alaw-basic",
        extension="alaw",
        packing="coded",
        container="alaw",
        codec="pcm_alaw",
        sample_format="s16",
        sample_rates=(8000,),
        channels=1,
    ),
}
"""Every format. `tests/frontend/audio/test_encoders.py` decodes the output of each row."""


def format_at(name: str, sample_rate: int, bit_rate: int | None = None) -> AudioFormat:
    """Return a row of `FORMATS` with a fixed rate in Hz and, for coded formats, bit/s."""
    return replace(FORMATS[name], sample_rate=sample_rate, bit_rate=bit_rate)


def choose_rate(audio_format: AudioFormat, sample_rate: int) -> int:
    """Return the rate in Hz of the delivered sound: the nearest one that the codec takes."""
    wanted = audio_format.sample_rate or sample_rate
    if audio_format.sample_rates is None:
        return wanted
    return min(audio_format.sample_rates, key=lambda rate: (abs(rate - wanted), -rate))


def choose_channels(audio_format: AudioFormat, channels: int) -> int:
    """Return how many channels a sound of `channels` is delivered with."""
    return audio_format.channels or channels
