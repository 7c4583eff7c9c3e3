"""A whole sound to bytes."""

import io

from frontend.audio.formats import AudioFormat
from frontend.audio.stream_encoder import StreamEncoder
from tritone.pcm import Pcm


def encode(pcm: Pcm, sample_rate: int, audio_format: AudioFormat, *, speed: float = 1.0) -> bytes:
    """Return int16 [channels, samples] at `sample_rate` as the bytes of a format.

    Pure CPU work that releases the GIL: call it by `in_audio_thread`.
    `speed` stretches time and keeps the pitch: the audio lasts `samples / sample_rate / speed`.

    Raises:
        GenerationFailed: FFmpeg refused the sound.
    """
    file = io.BytesIO()
    encoder = StreamEncoder(sample_rate, pcm.shape[0], audio_format, speed=speed, file=file)
    encoder.feed(pcm)
    encoder.finish()
    return file.getvalue()
