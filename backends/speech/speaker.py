"""Speaks passage by passage, of each job in its turn: an hour's text does not keep a short one.

Knows no Triton. Each lane is a thread of its own in `run`; control methods may be called from any.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.speech.engine import EarlyEngine, Engine, NoiseKey, Reading, Sound
from backends.speech.job import Chunk, SpeechJob
from backends.speech.job_queue import LOOK_S, JobQueue
from backends.speech.metrics import Metrics
from backends.speech.script import Passage, passages
from backends.speech.timings import Told, timings_json
from tritone import speech_refusals as refusals
from tritone.card import SpeechCard
from tritone.pcm import to_int16


class Speaker:
    """Speaks the jobs of a bounded queue with one engine, in one or several lanes."""

    def __init__(
        self,
        card: SpeechCard,
        engine: Engine,
        queue: JobQueue,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Speak what is submitted to `queue`."""
        self._card = card
        self._engine = engine
        self._queue = queue
        self._metrics = metrics
        self._clock = clock

    def run(self) -> None:
        """Be a lane: speak until the queue stops and nothing is left to take."""
        while (job := self._queue.take()) is not None:
            begin = self._clock()
            try:
                self._visit(job)
            except RequestFailed as error:
                self._fail(job, error)
            except Exception as error:  # a bug costs the job at hand, never the lane
                self._fail(job, RequestFailed(f"speech failed: {error!r}", Code.INTERNAL))
            finally:
                self._queue.put_back(job, self._clock() - begin)

    def _visit(self, job: SpeechJob) -> None:
        """Speak one passage of a job, or end it."""
        now = self._clock()
        if now - job.asked_at >= LOOK_S:
            job.asked_at = now
            if (
                job.is_forgotten(now) or job.reply.is_cancelled()
            ):  # never `|=`: a cancel that comes meanwhile would be lost
                job.cancel_requested = True
        done, total = job.progress
        if job.cancel_requested:
            self._metrics.count_cancelled()
            job.end(
                RequestFailed(refusals.CANCELLED.format(done=done, total=total), Code.CANCELLED)
            )
        elif now > job.timeout_at:
            text = refusals.DEADLINE_EXCEEDED.format(done=done, total=total)
            self._fail(job, RequestFailed(text, Code.CANCELLED))
        elif job.passages is None:
            job.passages = passages(job.text, job.options.pronunciations, _base(job))
            if not job.passages:
                raise RequestFailed(refusals.NOTHING_TO_SPEAK, Code.INVALID_ARG)
            self._speak_next(job, job.passages)
        elif job.n_sent < job.allowed:
            self._speak_next(job, job.passages)

    def _speak_next(self, job: SpeechJob, all_passages: list[Passage]) -> None:
        """Speak the next passage that holds a sound, and end the job after its last one."""
        while job.n_done < len(all_passages):
            passage = all_passages[job.n_done]
            begin = self._clock()
            reading = self._engine.read(
                passage.pieces, job.voice, normalizes=job.options.normalizes
            )
            sound = self._speak(job, reading) if reading else None
            job.n_done += 1
            if sound is not None or passage.is_break:
                self._send(job, passage, reading, sound)
                self._metrics.count_passage(self._clock() - begin, _seconds(sound, self._card))
                return
        if job.n_sent == 0:
            raise RequestFailed(refusals.NOTHING_TO_SPEAK, Code.INVALID_ARG)
        job.end()  # the last passages held nothing that can be spoken

    def _speak(self, job: SpeechJob, reading: Reading) -> Sound:
        """Return the sound of a passage; how the very first one begins may be sent at once."""
        noise = NoiseKey(job.seed, job.n_done)
        may_split = job.n_done == 0 and job.allowed > 1 and not job.reply.wants_timings
        if not may_split or not isinstance(self._engine, EarlyEngine):
            return self._engine.speak(reading, job.voice, job.speed, noise)
        begun = self._engine.begin(reading, job.voice, job.speed, noise)
        if begun.waveform.size:
            self._answer(job, begun.waveform, None, is_last=False)
        sound = begun.finish()
        return replace(sound, waveform=sound.waveform[len(begun.waveform) :])

    def _send(
        self, job: SpeechJob, passage: Passage, reading: Reading | None, sound: Sound | None
    ) -> None:
        is_last = job.n_done == len(job.passages or ())
        pause_s = passage.pause_s if passage.is_break else passage.pause_s / job.speed
        if is_last and not passage.is_break:
            pause_s = 0.0
        silence = np.zeros(round(pause_s * self._card.sample_rate), np.float32)
        waveform = silence if sound is None else np.concatenate([sound.waveform, silence])
        seconds = len(waveform) / self._card.sample_rate
        timings = None
        if job.reply.wants_timings:
            begin, end = job.told_until, passage.end
            told = Told(
                text=job.text[begin:end],
                begin=begin,
                pieces=passage.pieces,
                start_s=job.seconds,
                duration_s=seconds,
            )
            timings = timings_json(told, reading, sound)
        job.told_until = passage.end
        self._answer(job, waveform, timings, is_last=is_last)

    def _answer(
        self, job: SpeechJob, waveform: NDArray[np.float32], timings: str | None, *, is_last: bool
    ) -> None:
        job.seconds += len(waveform) / self._card.sample_rate
        job.n_sent += 1
        job.first_sent_at = min(job.first_sent_at, self._clock())
        job.deadline = job.first_sent_at + job.seconds
        job.has_ended = is_last
        chunk = Chunk(_pcm(waveform, self._card.audio_channels), timings, job.progress)
        job.reply.send(chunk, is_last=is_last)

    def _fail(self, job: SpeechJob, error: RequestFailed) -> None:
        if not job.has_ended:
            self._metrics.count_failed()
            job.end(error)


def _base(job: SpeechJob) -> str:
    return job.voice.language.partition("-")[0]


def _seconds(sound: Sound | None, card: SpeechCard) -> float:
    return 0.0 if sound is None else len(sound.waveform) / card.sample_rate


def _pcm(waveform: NDArray[np.float32], channels: int) -> NDArray[np.int16]:
    return np.repeat(to_int16(waveform)[np.newaxis], channels, axis=0)
