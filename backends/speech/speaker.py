"""Speaks passage by passage, of each job in its turn: an hour's text does not keep a short one.

Knows no Triton. Each lane is a thread of its own in `run`; control methods may be called from any.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.speech.engine import Begun, EarlyEngine, Engine, NoiseKey, Reading, Sound
from backends.speech.job import Chunk, PartlySpoken, SpeechJob
from backends.speech.job_queue import LOOK_S, JobQueue
from backends.speech.metrics import Metrics
from backends.speech.script import Passage, cut_passages
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
        elif now > job.deadline:
            text = refusals.DEADLINE_EXCEEDED.format(done=done, total=total)
            self._fail(job, RequestFailed(text, Code.CANCELLED))
        elif job.passages is None:
            job.passages = cut_passages(job.text, job.options.pronunciations, _base(job))
            if not job.passages:
                raise RequestFailed(refusals.NOTHING_TO_SPEAK, Code.INVALID_ARG)
            self._speak_next(job, job.passages)
        elif job.n_sent < job.allowed and job.partly_spoken is not None:
            self._finish(job, job.partly_spoken)
        elif job.n_sent < job.allowed:
            self._speak_next(job, job.passages)

    def _speak_next(self, job: SpeechJob, all_passages: list[Passage]) -> None:
        """Speak the next passage that holds a sound, and end the job after its last one.

        How the very first passage begins is sent alone. Its rest waits for another visit: whoever
        has heard nothing yet comes first.
        """
        while job.n_done < len(all_passages):
            passage = all_passages[job.n_done]
            began_at = self._clock()
            reading = self._engine.read(
                passage.pieces, job.voice, normalizes=job.options.normalizes
            )
            begun = self._begin(job, reading) if reading else None
            part = PartlySpoken(passage, reading, begun, self._clock() - began_at)
            if begun is not None and begun.waveform.size:
                self._answer(job, begun.waveform, None, is_last=False)
                job.partly_spoken = part
                return
            if begun is not None or passage.is_break:
                self._finish(job, part)
                return
            job.n_done += 1
        if job.n_sent == 0:
            raise RequestFailed(refusals.NOTHING_TO_SPEAK, Code.INVALID_ARG)
        job.end()  # the last passages held nothing that can be spoken

    def _begin(self, job: SpeechJob, reading: Reading) -> Begun:
        """Return how a passage begins: samples of the very first one, where they may be sent."""
        noise = NoiseKey(job.seed, job.n_done)
        may_split = job.n_done == 0 and job.allowed > 1 and not job.reply.wants_timings
        if may_split and isinstance(self._engine, EarlyEngine):
            return self._engine.begin(reading, job.voice, job.speed, noise)
        return Begun(
            np.zeros(0, np.float32),
            lambda: self._engine.speak(reading, job.voice, job.speed, noise),
        )

    def _finish(self, job: SpeechJob, part: PartlySpoken) -> None:
        """Speak what is left of a passage."""
        began_at = self._clock()
        job.partly_spoken = None
        sound = part.begun.finish() if part.begun else None
        job.n_done += 1
        self._send(job, part, sound)
        cost_s = part.cost_s + self._clock() - began_at
        self._metrics.count_passage(cost_s, _seconds(sound, self._card))

    def _send(self, job: SpeechJob, part: PartlySpoken, sound: Sound | None) -> None:
        passage = part.passage
        is_last = job.n_done == len(job.passages or ())
        pause_s = passage.pause_s if passage.is_break else passage.pause_s / job.speed
        if is_last and not passage.is_break:
            pause_s = 0.0
        silence = np.zeros(round(pause_s * self._card.sample_rate), np.float32)
        n_begun = len(part.begun.waveform) if part.begun else 0
        rest = sound.waveform[n_begun:] if sound else silence[:0]
        waveform = np.concatenate([rest, silence])
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
            timings = timings_json(told, part.reading, sound)
        job.told_until = passage.end
        self._answer(job, waveform, timings, is_last=is_last)

    def _answer(
        self, job: SpeechJob, waveform: NDArray[np.float32], timings: str | None, *, is_last: bool
    ) -> None:
        job.seconds += len(waveform) / self._card.sample_rate
        job.n_sent += 1
        job.first_sent_at = min(job.first_sent_at, self._clock())
        job.due_at = job.first_sent_at + job.seconds
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
