"""A sound to bytes: whole, or as its chunks come."""

from collections.abc import AsyncGenerator, AsyncIterator

from frontend.audio.formats import AudioFormat
from frontend.audio.stream_encoder import StreamEncoder
from frontend.audio.threads import in_audio_thread
from tritone.pcm import Pcm


def encode(pcm: Pcm, sample_rate: int, audio_format: AudioFormat, *, speed: float = 1.0) -> bytes:
    """Return int16 [channels, samples] at `sample_rate` as the bytes of a format.

    Pure CPU work that releases the GIL: call it by `in_audio_thread`.
    `speed` stretches time and keeps the pitch: the audio lasts `samples / sample_rate / speed`.

    Raises:
        GenerationFailed: FFmpeg refused the sound.
    """
    encoder = StreamEncoder(sample_rate, pcm.shape[0], audio_format, speed=speed, is_whole=True)
    return encoder.feed(pcm) + encoder.finish()


async def encode_chunks(
    chunks: AsyncIterator[Pcm], encoder: StreamEncoder
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a sound as its chunks come: int16 [channels, samples] each.

    Raises:
        GenerationFailed: FFmpeg refused the sound.
    """
    async for pcm in chunks:
        if ready := await in_audio_thread(encoder.feed, pcm):
            yield ready
    if rest := await in_audio_thread(encoder.finish):
        yield rest
