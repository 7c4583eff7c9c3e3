"""One encoder a response: PCM goes in chunk by chunk, the bytes of a format come out.

Pure CPU work that releases the GIL in FFmpeg: call `feed` and `finish` in a worker thread, one at a
time.
"""

import struct
from typing import BinaryIO, cast

import av
from av.error import FFmpegError

from frontend.audio.formats import AudioFormat, choose_channels, choose_rate
from frontend.audio.resampling import Resampler, make_frame, mix_channels
from frontend.errors import GenerationFailed
from tritone.pcm import Pcm

WAV_HEADER_BYTES = 44
_OPEN_BYTES = 0xFFFFFFFF  # the size that a WAV header says where the end is not known yet
_FIRST_SLICE_S = 0.25
_LAYOUTS = {1: "mono", 2: "stereo"}
# Each packet leaves at once; Ogg's own pages last a second, which a listener would wait for.
_AT_ONCE = {"flush_packets": "1"}
_OGG_PAGES = {"page_duration": "100000"}  # microseconds


class StreamEncoder:
    """Encodes one sound.

    Each `feed` gives what is ready: for a client that plays while it reads. With `file`, which must
    be able to seek, everything is written there instead, and its header says its right length.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        audio_format: AudioFormat,
        *,
        speed: float = 1.0,
        file: BinaryIO | None = None,
    ) -> None:
        """`speed` stretches time and keeps the pitch."""
        rate = choose_rate(audio_format, sample_rate)
        self._channels = choose_channels(audio_format, channels)
        self._resampler = (
            Resampler(sample_rate, rate, self._channels, speed)
            if rate != sample_rate or speed != 1.0
            else None
        )
        self._packer: _Samples | _Coded = (
            _Coded(rate, self._channels, audio_format, file)
            if audio_format.packing == "coded"
            else _Samples(rate, self._channels, audio_format, file)
        )

    def feed(self, pcm: Pcm) -> bytes:
        """Take int16 [channels, samples]; return the bytes that are ready, maybe none.

        Raises:
            GenerationFailed: FFmpeg refused the sound.
        """
        try:
            mixed = mix_channels(pcm, self._channels)
            return self._packer.pack(self._resampler.feed(mixed) if self._resampler else mixed)
        except FFmpegError as error:
            raise _make_encoding_error() from error

    def finish(self) -> bytes:
        """Return the last bytes; nothing may be fed afterwards.

        Raises:
            GenerationFailed: FFmpeg refused the sound.
        """
        try:
            rest = self._packer.pack(self._resampler.finish()) if self._resampler else b""
            return rest + self._packer.finish()
        except FFmpegError as error:
            raise _make_encoding_error() from error


def slice_first(pcm: Pcm, sample_rate: int, audio_format: AudioFormat) -> tuple[Pcm, ...]:
    """Return the first chunk of a sound in the parts that are to be fed one by one.

    A coder takes 20 to 30 ms for the first sentence, and 5 ms for the part that is heard at once.
    The bytes are the same.
    """
    n_samples = round(_FIRST_SLICE_S * sample_rate)
    if audio_format.packing != "coded" or pcm.shape[1] <= n_samples:
        return (pcm,)
    return pcm[:, :n_samples], pcm[:, n_samples:]


def make_wav_header(data_bytes: int, sample_rate: int, channels: int) -> bytes:
    """Return the 44 bytes before 16-bit PCM (FFmpeg's own is longer, and wrong when piped)."""
    frame_bytes = 2 * channels
    layout = (1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 16)
    file_bytes = min(WAV_HEADER_BYTES - 8 + data_bytes, _OPEN_BYTES)
    return (
        struct.pack("<4sI4s", b"RIFF", file_bytes, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, *layout)
        + struct.pack("<4sI", b"data", data_bytes)
    )


def _make_encoding_error() -> GenerationFailed:
    return GenerationFailed("The sound could not be encoded.")


class _Samples:
    """Bare samples, or samples behind a WAV header."""

    def __init__(
        self, rate: int, channels: int, audio_format: AudioFormat, file: BinaryIO | None
    ) -> None:
        self._rate, self._channels, self._file = rate, channels, file
        self._has_header = audio_format.packing == "wav"
        self._is_begun = False
        self._n_bytes = 0

    def pack(self, pcm: Pcm) -> bytes:
        samples = pcm.T.astype("<i2", order="C").tobytes()
        self._n_bytes += len(samples)
        return self._give(self._begin() + samples)

    def finish(self) -> bytes:
        given = self._give(self._begin())  # a sound without a chunk still has a header
        if self._file is not None and self._has_header:
            self._file.seek(0)
            self._file.write(make_wav_header(self._n_bytes, self._rate, self._channels))
        return given

    def _begin(self) -> bytes:
        if self._is_begun or not self._has_header:
            return b""
        self._is_begun = True
        return make_wav_header(_OPEN_BYTES, self._rate, self._channels)

    def _give(self, data: bytes) -> bytes:
        if self._file is None:
            return data
        self._file.write(data)
        return b""


class _Pipe:
    """A sink that FFmpeg cannot seek in, so that it never goes back to its header."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Coded:
    """Samples coded by FFmpeg."""

    def __init__(
        self, rate: int, channels: int, audio_format: AudioFormat, file: BinaryIO | None
    ) -> None:
        self._rate = rate
        self._pipe = _Pipe()
        # bitexact: no library versions, no random Ogg serial number; equal sounds, equal bytes.
        options = {"fflags": "+bitexact"}
        if file is None:
            options |= _AT_ONCE | (_OGG_PAGES if audio_format.container == "ogg" else {})
        self._container = av.open(
            file or self._pipe, "w", format=audio_format.container, options=options
        )
        added = self._container.add_stream(
            audio_format.codec, rate=rate, options=dict(audio_format.options)
        )
        self._stream = cast(av.AudioStream, added)  # typed by a list of names that lacks ours
        self._stream.codec_context.layout = _LAYOUTS[channels]
        self._stream.codec_context.format = audio_format.sample_format
        if audio_format.bit_rate is not None:
            self._stream.codec_context.bit_rate = audio_format.bit_rate
        self._n_samples = 0

    def pack(self, pcm: Pcm) -> bytes:
        if pcm.shape[1]:
            frame = make_frame(pcm, self._rate, self._n_samples)
            self._n_samples += pcm.shape[1]
            self._container.mux(self._stream.encode(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._pipe.take()
