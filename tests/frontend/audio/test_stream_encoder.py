"""Chunks through one encoder: the same sound as in one piece, without a gap or a pop."""

import io
import resource
import struct

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from frontend.audio.encoders import encode
from frontend.audio.formats import FORMATS, AudioFormat, format_at
from frontend.audio.stream_encoder import WAV_HEADER_BYTES, StreamEncoder
from tritone.pcm import Pcm

RATE = 24_000


def tone(seconds: float = 1.7, channels: int = 1) -> Pcm:
    wave = 12_000 * np.sin(2 * np.pi * 440 / RATE * np.arange(int(seconds * RATE)))
    return np.tile(wave.astype(np.int16), (channels, 1))


def stream(pcm: Pcm, audio_format: AudioFormat, speed: float = 1.0, size: int = 3_001) -> bytes:
    encoder = StreamEncoder(RATE, pcm.shape[0], audio_format, speed=speed)
    parts = [encoder.feed(pcm[:, i : i + size]) for i in range(0, pcm.shape[1], size)]
    return b"".join([*parts, encoder.finish()])


def play(data: bytes) -> NDArray[np.float64]:
    with av.open(io.BytesIO(data), "r") as container:
        blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    samples: NDArray[np.float64] = np.concatenate(blocks).astype(np.float64)
    return samples


@pytest.mark.parametrize("speed", [1.0, 0.25, 0.4, 1.5, 4.0])
@pytest.mark.parametrize("size", [97, 3_001])
@pytest.mark.parametrize("audio_format", [FORMATS["pcm"], format_at("pcm", 8000)])
def test_samples_in_chunks_are_those_in_one_piece(
    audio_format: AudioFormat, speed: float, size: int
) -> None:
    for channels in (1, 2):
        pcm = tone(channels=channels)
        whole = encode(pcm, RATE, audio_format, speed=speed)
        assert stream(pcm, audio_format, speed, size) == whole


def test_a_streamed_wav_has_open_sizes_and_the_same_samples() -> None:
    pcm = tone()
    streamed, whole = stream(pcm, FORMATS["wav"]), encode(pcm, RATE, FORMATS["wav"])
    assert struct.unpack_from("<I", streamed, 4) == struct.unpack_from("<I", streamed, 40)
    assert struct.unpack_from("<I", streamed, 40) == (0xFFFFFFFF,)
    assert streamed[WAV_HEADER_BYTES:] == whole[WAV_HEADER_BYTES:]
    assert len(play(streamed)) == pcm.shape[1]


@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "flac"])
def test_a_coded_sound_plays_through_its_joints(name: str) -> None:
    pcm = tone()
    streamed, whole = play(stream(pcm, FORMATS[name])), play(encode(pcm, RATE, FORMATS[name]))
    assert (
        abs(len(streamed) - len(whole)) <= 0.06 * RATE
    )  # a file says what to leave out, a stream cannot
    peak = np.abs(whole).max()
    inner = streamed[len(streamed) // 10 : -len(streamed) // 10]
    assert np.abs(np.diff(inner)).max() < 1.2 * np.abs(np.diff(whole)).max() + 0.01 * peak  # no pop
    windows = inner[: len(inner) // 480 * 480].reshape(-1, 480)
    assert windows.std(axis=1).min() > 0.5 * windows.std(axis=1).mean()  # no gap


@pytest.mark.parametrize("name", list(FORMATS))
def test_bytes_come_before_the_sound_ends(name: str) -> None:
    encoder, chunk = StreamEncoder(RATE, 1, FORMATS[name]), tone(0.2)
    early = [encoder.feed(chunk) for _ in range(5)]
    assert sum(map(len, early[:2])) > 0
    assert all(early[2:4]), "each chunk gives bytes at once"


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_sound_without_chunks_ends_all_the_same(name: str) -> None:
    assert StreamEncoder(RATE, 1, FORMATS[name]).finish() is not None


def test_minutes_of_speech_are_encoded_in_constant_memory() -> None:
    encoder, second = StreamEncoder(RATE, 1, FORMATS["mp3"], speed=1.5), tone(1.0)
    for _ in range(10):
        encoder.feed(second)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(290):  # five minutes: 14 MB of samples
        encoder.feed(second)
    encoder.finish()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 6_000
