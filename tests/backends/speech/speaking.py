"""A speaker without a Triton: what is submitted is spoken in this thread."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import RequestFailed
from backends.speech.engine import Engine
from backends.speech.job import Chunk, SpeechJob, make_job
from backends.speech.job_queue import JobQueue
from backends.speech.speaker import Speaker
from ops.voices.hibari import CARD


@dataclass
class Counts:
    """Metrics that a test reads."""

    n_cancelled: int = 0
    n_failed: int = 0
    n_passages: int = 0
    audio_s: float = 0.0
    active: int = 0
    pending: int = 0

    def set_queue(self, active: int, pending: int) -> None:
        self.active, self.pending = active, pending

    def count_passage(self, seconds: float, audio_s: float) -> None:
        self.n_passages += 1
        self.audio_s += audio_s

    def count_cancelled(self) -> None:
        self.n_cancelled += 1

    def count_failed(self) -> None:
        self.n_failed += 1


@dataclass
class Spoken:
    """The answers to one request."""

    wants_timings: bool = True
    chunks: list[Chunk] = field(default_factory=list)
    error: RequestFailed | None = None
    n_ends: int = 0
    is_gone: bool = False
    on_chunk: Callable[[], None] = lambda: None

    def is_cancelled(self) -> bool:
        assert not self.n_ends, "asked after the last answer"
        return self.is_gone

    def send(self, chunk: Chunk, *, is_last: bool) -> None:
        assert not self.n_ends, "a chunk after the last answer"
        self.chunks.append(chunk)
        self.n_ends += is_last
        self.on_chunk()

    def finish(self) -> None:
        self.n_ends += 1

    def fail(self, error: RequestFailed) -> None:
        self.n_ends += 1
        self.error = error

    @property
    def pcm(self) -> NDArray[np.int16]:
        return np.concatenate([chunk.pcm[0] for chunk in self.chunks])

    @property
    def seconds(self) -> float:
        return len(self.pcm) / CARD.sample_rate

    @property
    def timings(self) -> list[dict[str, Any]]:
        return [json.loads(chunk.timings or "") for chunk in self.chunks]

    @property
    def normalized(self) -> str:
        return " ".join(
            "".join(each["normalized_alignment"]["characters"]) for each in self.timings
        )


def request(text: str, reply: Spoken, job_id: str = "", /, **tensors: object) -> SpeechJob:
    """Return a job for a text; further tensors by their names."""
    given = {
        name: np.array([[value.encode() if isinstance(value, str) else value]])
        for name, value in {"text": text, **tensors}.items()
    }
    objects = {n: a.astype(object) if a.dtype.kind == "S" else a for n, a in given.items()}
    return make_job(CARD, objects, job_id, reply)


def make_speaker(
    engine: Engine,
    metrics: Counts | None = None,
    max_jobs: int = 8,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Speaker, JobQueue]:
    metrics = metrics or Counts()
    queue = JobQueue(metrics, max_jobs=max_jobs, clock=clock)
    return Speaker(CARD, engine, queue, metrics, clock=clock), queue


def speak(engine: Engine, text: str, **tensors: object) -> Spoken:
    """Return what the engine says."""
    reply = Spoken()
    speaker, queue = make_speaker(engine)
    queue.submit(request(text, reply, "", **tensors), None)
    queue.stop()
    speaker.run()
    assert reply.n_ends == 1
    return reply
