import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from frontend.audio.encoders import encode
from frontend.audio.formats import (
    FORMATS,
    AudioFormat,
    choose_channels,
    choose_rate,
    format_at,
)
from frontend.audio.resampling import tempo_chain
from frontend.audio.stream_encoder import WAV_HEADER_BYTES
from frontend.errors import GenerationFailed
from tests.frontend.audio.sounds import decode, level, pitch, tone

HALF_SCALE_RMS = 0.5 / np.sqrt(2)
# Samples that a decoder may add or lose at the ends: priming that ADTS has no place to declare,
# Opus pre-skip, MPEG's padding to whole frames, a resampler's rounding.
SLACK = {"aac": 2 * 1024 + 64, "opus": 960, "mp3": 1152, "ulaw": 2, "alaw": 2}


def assert_is_the_tone(
    audio: bytes, audio_format: AudioFormat, sample_rate: int, *, seconds: float, channels: int = 2
) -> None:
    rate = choose_rate(audio_format, sample_rate)
    channels = choose_channels(audio_format, channels)
    sound, decoded_rate = decode(audio, audio_format, raw_rate=rate, raw_channels=channels)
    assert decoded_rate == rate
    assert sound.shape[0] == channels
    assert abs(sound.shape[1] - seconds * rate) <= SLACK.get(audio_format.name, 1)
    assert level(sound) == pytest.approx(HALF_SCALE_RMS, rel=0.06)  # half a decibel
    assert pitch(sound, rate) == pytest.approx(440.0, abs=1.5)


@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_keeps_length_level_and_pitch(
    name: str, channels: int, sample_rate: int
) -> None:
    audio = encode(tone(2.0, sample_rate, channels=channels), sample_rate, FORMATS[name])
    assert_is_the_tone(audio, FORMATS[name], sample_rate, seconds=2.0, channels=channels)


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.99, 1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("name", ["wav", "opus"])
def test_speed_changes_the_length_and_keeps_the_pitch(name: str, speed: float) -> None:
    audio = encode(tone(4.0, 44100), 44100, FORMATS[name], speed=speed)
    assert_is_the_tone(audio, FORMATS[name], 44100, seconds=4.0 / speed)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("name", ["wav", "pcm"])
def test_uncoded_formats_are_resampled_to_the_rate_asked_for(name: str, sample_rate: int) -> None:
    audio_format = format_at(name, sample_rate)
    audio = encode(tone(2.0, 44100), 44100, audio_format)
    assert_is_the_tone(audio, audio_format, 44100, seconds=2.0)


@pytest.mark.parametrize(
    ("sample_rate", "kilobits"),
    [(22050, 32), (24000, 48), (44100, 32), (44100, 64), (44100, 96), (44100, 128), (44100, 192)],
)
def test_mp3_has_the_rate_and_the_bit_rate_asked_for(sample_rate: int, kilobits: int) -> None:
    audio_format = format_at("mp3", sample_rate, kilobits * 1000)
    audio = encode(tone(10.0, 44100), 44100, audio_format)
    assert_is_the_tone(audio, audio_format, 44100, seconds=10.0)
    assert len(audio) == pytest.approx(kilobits * 125 * 10, rel=0.03)


def test_wav_is_a_44_byte_header_and_the_very_samples() -> None:
    pcm = tone(1.0, 44100)
    pcm[1] //= 3
    audio = encode(pcm, 44100, FORMATS["wav"])
    assert audio[WAV_HEADER_BYTES:] == pcm.T.astype("<i2").tobytes()
    with wave.open(io.BytesIO(audio)) as reader:
        assert reader.getparams()[:4] == (2, 2, 44100, 44100)
        assert reader.readframes(44100) == audio[WAV_HEADER_BYTES:]


def test_flac_gives_back_the_very_samples() -> None:
    pcm = tone(1.0, 44100, channels=1)
    sound, _ = decode(
        encode(pcm, 44100, FORMATS["flac"]), FORMATS["flac"], raw_rate=44100, raw_channels=1
    )
    assert np.array_equal(np.rint(sound * 32768).astype(np.int16), pcm)


def test_mixing_down_takes_the_mean_and_mixing_up_keeps_the_level() -> None:
    left_only = np.stack([np.full(100, 1001, np.int16), np.zeros(100, np.int16)])
    down = encode(left_only, 8000, replace(FORMATS["pcm"], channels=1))
    assert set(np.frombuffer(down, "<i2")) == {500}
    up = encode(left_only[:1], 8000, replace(FORMATS["pcm"], channels=2))
    assert set(np.frombuffer(up, "<i2")) == {1001}


def test_full_scale_is_clipped_and_never_wraps() -> None:
    square = np.sign(tone(1.0, 44100)).astype(np.int16) * 32767
    audio = encode(square, 44100, format_at("pcm", 48000))
    resampled = np.frombuffer(audio, "<i2").reshape(-1, 2)[:, 0]
    ideal = np.sign(tone(1.0, 48000))[0]
    assert np.corrcoef(resampled, ideal)[0, 1] > 0.97


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("n_samples", [1, 2, 100])
def test_the_shortest_sounds_are_encoded(name: str, n_samples: int) -> None:
    assert encode(tone(1.0, 44100)[:, :n_samples], 44100, FORMATS[name])
    assert encode(tone(1.0, 44100)[:, :n_samples], 44100, FORMATS[name], speed=4.0)


def test_equal_sounds_give_equal_bytes() -> None:
    pcm = tone(0.5, 44100)
    for audio_format in FORMATS.values():
        assert encode(pcm, 44100, audio_format) == encode(pcm, 44100, audio_format)


@pytest.mark.parametrize("speed", [0.25, 0.3, 0.5, 1.0, 2.0, 2.5, 4.0])
def test_a_tempo_chain_stays_within_what_one_filter_takes(speed: float) -> None:
    chain = tempo_chain(speed)
    assert np.prod(chain) == pytest.approx(speed, rel=1e-12)
    assert all(0.5 <= factor <= 2.0 for factor in chain)


def test_a_refusal_of_the_codec_is_a_failed_generation() -> None:
    with pytest.raises(GenerationFailed):
        encode(
            tone(0.1, 44100), 44100, replace(FORMATS["mp3"], sample_rates=None, sample_rate=96000)
        )
