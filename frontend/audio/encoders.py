"""PCM to bytes. Pure CPU work that releases the GIL in FFmpeg: call it in a worker thread."""

import io
import struct
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.error import BlockingIOError as NoFrameYet
from av.error import EOFError as NoMoreFrames
from av.error import FFmpegError

from frontend.audio.formats import AudioFormat, delivered_channels, delivered_rate
from frontend.errors import GenerationFailed
from tritone.pcm import Pcm

WAV_HEADER_BYTES = 44
_LAYOUTS = {1: "mono", 2: "stereo"}
# atempo works in overlapping windows and swallows its last one: it gets silence to swallow instead.
_TAIL_SECONDS = 0.25
_SLOWEST, _FASTEST = 0.5, 2.0  # of one atempo: below it refuses, above it drops samples unblended


def encode(pcm: Pcm, sample_rate: int, audio_format: AudioFormat, *, speed: float = 1.0) -> bytes:
    """Return int16 [channels, samples] at `sample_rate` as the bytes of a format.

    `speed` stretches time and keeps the pitch: the audio lasts `samples / sample_rate / speed`.

    Raises:
        GenerationFailed: FFmpeg refused the sound.
    """
    rate = delivered_rate(audio_format, sample_rate)
    try:
        pcm = _mixed(pcm, delivered_channels(audio_format, pcm.shape[0]))
        if rate != sample_rate or speed != 1.0:
            pcm = _resampled(pcm, sample_rate, rate, speed)
        if audio_format.packing == "coded":
            return _coded(pcm, rate, audio_format)
    except FFmpegError as error:
        raise GenerationFailed("The sound could not be encoded.") from error
    samples = pcm.T.astype("<i2", order="C").tobytes()
    if audio_format.packing == "wav":
        return wav_header(len(samples), rate, pcm.shape[0]) + samples
    return samples


def wav_header(data_bytes: int, sample_rate: int, channels: int) -> bytes:
    """Return the 44 bytes before 16-bit PCM (FFmpeg's own is longer, and wrong when piped)."""
    frame_bytes = 2 * channels
    layout = (1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", WAV_HEADER_BYTES - 8 + data_bytes, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, *layout)
        + struct.pack("<4sI", b"data", data_bytes)
    )


def tempo_chain(speed: float) -> list[float]:
    """Return factors between 0.5 and 2 whose product is `speed`: one atempo filter each."""
    factors = []
    while not _SLOWEST <= speed <= _FASTEST:
        factor = _SLOWEST if speed < _SLOWEST else _FASTEST
        factors.append(factor)
        speed /= factor
    return [*factors, speed]


def _mixed(pcm: Pcm, channels: int) -> Pcm:
    if pcm.shape[0] == channels:
        return pcm
    # The mean never clips; FFmpeg's own mono-to-stereo lowers the level by 3 dB.
    mono = np.rint(pcm.mean(axis=0, keepdims=True)).astype(np.int16)
    return np.repeat(mono, channels, axis=0)


def _resampled(pcm: Pcm, sample_rate: int, rate: int, speed: float) -> Pcm:
    n_samples = max(1, round(pcm.shape[1] * rate / sample_rate / speed))
    tempi = tempo_chain(speed) if speed != 1.0 else []
    if tempi:
        silence = np.zeros(
            (pcm.shape[0], int(_TAIL_SECONDS * sample_rate * max(1.0, speed))), np.int16
        )
        pcm = np.concatenate([pcm, silence], axis=1)
    graph, layout = av.filter.Graph(), _LAYOUTS[pcm.shape[0]]
    source = graph.add_abuffer(
        sample_rate=sample_rate, format="s16p", layout=layout, time_base=Fraction(1, sample_rate)
    )
    filters = [graph.add("atempo", repr(tempo)) for tempo in tempi]
    filters.append(graph.add("aresample", str(rate)))
    filters.append(
        graph.add("aformat", f"sample_fmts=s16p:sample_rates={rate}:channel_layouts={layout}")
    )
    graph.link_nodes(source, *filters, graph.add("abuffersink")).configure()
    graph.push(_frame(pcm, sample_rate))
    graph.push(None)
    return _fitted(_drained(graph, pcm.shape[0]), n_samples)


def _drained(graph: av.filter.Graph, channels: int) -> Pcm:
    # Very short sounds may leave nothing.
    blocks = [np.zeros((channels, 0), np.int16)]
    while True:
        try:
            blocks.append(graph.pull().to_ndarray().astype(np.int16, copy=False))
        except (NoFrameYet, NoMoreFrames):
            return np.concatenate(blocks, axis=1)


def _fitted(pcm: Pcm, n_samples: int) -> Pcm:
    missing = n_samples - pcm.shape[1]
    return np.pad(pcm, ((0, 0), (0, missing))) if missing > 0 else pcm[:, :n_samples]


def _frame(pcm: Pcm, sample_rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(pcm), format="s16p", layout=_LAYOUTS[pcm.shape[0]]
    )
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
    return frame


def _coded(pcm: Pcm, rate: int, audio_format: AudioFormat) -> bytes:
    sink = io.BytesIO()
    # bitexact: no library versions and no random Ogg serial number; equal sounds give equal bytes.
    flags = {"fflags": "+bitexact"}
    with av.open(sink, "w", format=audio_format.container, options=flags) as container:
        added = container.add_stream(
            audio_format.codec, rate=rate, options=dict(audio_format.options)
        )
        stream = cast(av.AudioStream, added)  # typed by a list of names that lacks ours
        stream.codec_context.layout = _LAYOUTS[pcm.shape[0]]
        stream.codec_context.format = audio_format.sample_format
        if audio_format.bit_rate is not None:
            stream.codec_context.bit_rate = audio_format.bit_rate
        for frame in (_frame(pcm, rate), None):
            container.mux(stream.encode(frame))
    return sink.getvalue()
