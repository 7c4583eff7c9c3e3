"""From the request of a job to its files in the store. Here alone a worker decides by task."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

from frontend.audio.encoders import encode
from frontend.audio.formats import AudioFormat
from frontend.audio.stream_encoder import StreamEncoder
from frontend.audio.threads import in_audio_thread
from frontend.jobs.finishing import to_the_end
from frontend.jobs.model import JobFile, JobRequest, JobResult, OutputFormat
from frontend.observe import tracing
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.sounds.request import GenerationRequest, Sound
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speech
from frontend.storage.files import FileStore
from frontend.triton.gateway import Progress
from tritone.pcm import Pcm


class Maker(Protocol):
    """Makes sounds and speech; the frontend's generator and speaker in real workers."""

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        """Return the sound; cancelling the task stops the work. Raises domain errors."""

    async def speak(self, request: SpeechRequest, caller: Caller) -> Speech:
        """Return the speech as `Speaker.speak` does; closing it stops the work."""

    async def progress(self, request_id: str) -> Progress | None:
        """Return how far a request is, or None."""


@dataclass(frozen=True, slots=True)
class ResultMaker:
    """Makes what a request asks for, and keeps a file of it in each format."""

    maker: Maker
    files: FileStore
    metrics: Metrics

    async def make(self, request: JobRequest, caller: Caller) -> JobResult:
        """Return what was made; cancelling the task stops the work.

        Raises:
            TritoneError: it cannot be made or kept.
        """
        if isinstance(request.wanted, SpeechRequest):
            result = await self._speak(request.wanted, request.formats, caller)
        else:
            result = await self._generate(request.wanted, request.formats, caller)
        return replace(result, notes=(*request.notes, *result.notes))

    async def _generate(
        self, wanted: GenerationRequest, formats: Sequence[OutputFormat], caller: Caller
    ) -> JobResult:
        sound = await self.maker.generate(wanted, caller)
        return JobResult(
            files=tuple([await self._encode(sound, each.audio_format) for each in formats]),
            seconds=sound.seconds,
            sample_rate=sound.sample_rate,
            model=sound.card.name,
            model_version=sound.model_version,
            seed=sound.seed,
            steps=sound.steps,
            guidance_scale=sound.guidance_scale,
            notes=sound.notes,
        )

    async def _encode(self, sound: Sound, row: AudioFormat) -> JobFile:
        stage = self.metrics.stage_seconds.labels(sound.card.name, "encoding")
        with stage.time(), tracing.span("encoding", {"tritone.format": row.name}):
            data = await in_audio_thread(encode, sound.pcm, sound.sample_rate, row)
        return await self._keep(data, len(data), row)

    async def _speak(
        self, wanted: SpeechRequest, formats: Sequence[OutputFormat], caller: Caller
    ) -> JobResult:
        speech = await self.maker.speak(wanted, caller)
        async with aclosing(speech):
            with ExitStack() as stack:
                drafts = [
                    stack.enter_context(_open_draft(speech, each.audio_format)) for each in formats
                ]
                n_samples = await self._record(speech, drafts)
                files = [await self._keep(each.file, each.finish(), each.row) for each in drafts]
        return JobResult(
            files=tuple(files),
            seconds=n_samples / speech.sample_rate,
            sample_rate=speech.sample_rate,
            model=speech.card.name,
            model_version=speech.model_version,
            seed=speech.seed,
            voice=speech.voice.id,
            notes=speech.notes,
        )

    async def _record(self, speech: Speech, drafts: "Sequence[_Draft]") -> int:
        n_samples, encoding_s = 0, 0.0

        async def encode_in_all(pcm: Pcm | None) -> float:
            start = time.monotonic()
            for draft in drafts:
                # A thread that has begun goes on: its file must not be closed meanwhile.
                await to_the_end(in_audio_thread(draft.encode, pcm))
            return time.monotonic() - start

        async for chunk in speech:
            n_samples += chunk.pcm.shape[1]
            encoding_s += await encode_in_all(chunk.pcm)
        encoding_s += await encode_in_all(None)
        self.metrics.stage_seconds.labels(speech.card.name, "encoding").observe(encoding_s)
        return n_samples

    async def _keep(self, data: bytes | BinaryIO, n_bytes: int, row: AudioFormat) -> JobFile:
        return JobFile(
            key=await self.files.put(data, row.extension),
            format=row.name,
            media_type=row.media_type,
            n_bytes=n_bytes,
        )


@dataclass(slots=True)
class _Draft:
    """The file of a format while it is written: on disk, for two hours of WAV are 350 MB."""

    row: AudioFormat
    file: BinaryIO
    encoder: StreamEncoder | None

    def encode(self, pcm: Pcm | None) -> None:
        """Add a chunk; None ends the file."""
        if self.encoder is None:
            return
        if pcm is not None:
            self.encoder.feed(pcm)
        else:
            self.encoder.finish()

    def finish(self) -> int:
        """Go back to the begin of the file; return how many bytes it has."""
        n_bytes = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        return n_bytes


@contextmanager
def _open_draft(speech: Speech, row: AudioFormat) -> Iterator[_Draft]:
    with tempfile.TemporaryFile() as file:  # without a name: a killed worker leaves nothing
        encoder = StreamEncoder(speech.sample_rate, speech.card.audio_channels, row, file=file)
        draft = _Draft(row, file, encoder)
        try:
            yield draft
        finally:
            draft.encoder = None
