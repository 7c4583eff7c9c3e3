"""The jobs that a speaker has: bounded, ordered by turns, each in at most one lane's hands.

Knows no Triton and computes nothing. Every method may be called from any thread.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from backends.errors import Code, RequestFailed
from backends.progress import UNKNOWN_JOB, Progress
from backends.speech.job import SpeechJob
from backends.speech.metrics import Metrics
from tritone import speech_refusals as refusals
from tritone.turns import Turns

LOOK_S = 0.25
"""How often a job that may not send is looked at: its client may be gone, its time may be up."""

_REMEMBERED_CANCELS = 4096
_REMEMBERED_ENDS = 1024


class JobQueue:
    """Accepted jobs; the lanes of a speaker take one for a passage and put it back."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        max_jobs: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold at most `max_jobs`."""
        self._metrics = metrics
        self._max_jobs = max_jobs
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[SpeechJob] = []  # those in no lane's hands
        self._taken: list[SpeechJob] = []
        self._turns = Turns()
        # A cancel may overtake its job on the way through Triton.
        self._early_cancels: deque[str] = deque(maxlen=_REMEMBERED_CANCELS)
        self._ended: dict[str, Progress] = {}
        self._is_stopping = False

    def submit(self, job: SpeechJob, timeout_s: float | None) -> None:
        """Take a job in; `timeout_s` bounds its whole stay.

        Raises:
            RequestFailed: the queue is full, the job is cancelled, or the queue is stopping.
        """
        now = self._clock()
        job.heard_from_at = now
        job.due_at = now  # whoever has heard nothing yet comes before who has
        if timeout_s:
            job.deadline = now + timeout_s
        with self._changed:
            if self._is_stopping:
                raise RequestFailed(refusals.IS_STOPPING, Code.UNAVAILABLE)
            if job.job_id and job.job_id in self._early_cancels:
                self._early_cancels.remove(job.job_id)
                self._metrics.count_cancelled()
                raise RequestFailed(refusals.CANCELLED.format(done=0, total=0), Code.CANCELLED)
            if len(self._waiting) + len(self._taken) >= self._max_jobs:
                raise RequestFailed(refusals.QUEUE_FULL, Code.UNAVAILABLE)
            self._turns.enter(job, now)
            self._waiting.append(job)
            self._changed.notify()
            self._report()

    def cancel(self, job_id: str) -> Progress:
        """Let a job end before its next passage; return its progress, or `UNKNOWN_JOB`.

        A job that is not known yet is refused when it comes.
        """
        with self._changed:
            jobs = self._jobs_of(job_id)
            if not jobs and job_id not in self._ended:
                self._early_cancels.append(job_id)
            for job in jobs:
                job.cancel_requested = True
            self._changed.notify()
            return self._progress_of(job_id, jobs)

    def grant(self, job_id: str, n_chunks: int) -> Progress:
        """Let a job send further chunks; return its progress, or `UNKNOWN_JOB`."""
        with self._changed:
            jobs = self._jobs_of(job_id)
            for job in jobs:
                job.allowed += n_chunks
                job.heard_from_at = self._clock()
            self._changed.notify()
            return self._progress_of(job_id, jobs)

    def progress(self, job_id: str) -> Progress:
        """Return a job's progress, even if it ended lately, or `UNKNOWN_JOB`."""
        with self._changed:
            return self._progress_of(job_id, self._jobs_of(job_id))

    @property
    def load(self) -> Progress:
        """How many jobs it has, and how many it takes."""
        with self._changed:
            return len(self._waiting) + len(self._taken), self._max_jobs

    def stop(self) -> None:
        """Accept no more jobs."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def all_jobs(self) -> list[SpeechJob]:
        """Return every job that was accepted and has not left."""
        with self._changed:
            return [*self._waiting, *self._taken]

    def take(self) -> SpeechJob | None:
        """Return the job whose turn it is, once there is one; None: stopping, and none is left.

        A job that may not send now is returned, too, now and then, and right after a cancel.
        """
        with self._changed:
            while True:
                now = self._clock()
                due = [job for job in self._waiting if _is_due(job, now)]
                if due:
                    job = self._turns.order(due, now)[0]
                    self._waiting.remove(job)
                    self._taken.append(job)
                    self._report()
                    return job
                if self._is_stopping and not self._waiting:
                    return None
                self._changed.wait(LOOK_S if self._waiting else None)

    def put_back(self, job: SpeechJob, cost_s: float) -> None:
        """Take a job back after its passage, which cost so much; one that has ended leaves."""
        with self._changed:
            self._taken.remove(job)
            self._turns.charge(job, cost_s)
            if job.has_ended:
                self._turns.leave(job)
                self._remember(job)
                if self._is_stopping:
                    self._changed.notify_all()
            else:
                self._waiting.append(job)
                self._changed.notify()
            self._report()

    def _remember(self, job: SpeechJob) -> None:
        if job.job_id:
            self._ended[job.job_id] = job.progress
        if len(self._ended) > _REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]  # the oldest

    def _jobs_of(self, job_id: str) -> list[SpeechJob]:
        jobs = (*self._waiting, *self._taken)
        return [job for job in jobs if job_id and job.job_id == job_id]

    def _progress_of(self, job_id: str, jobs: list[SpeechJob]) -> Progress:
        return jobs[-1].progress if jobs else self._ended.get(job_id, UNKNOWN_JOB)

    def _report(self) -> None:
        pending = sum(job.n_sent == 0 for job in self._waiting)
        self._metrics.set_queue(len(self._waiting) + len(self._taken) - pending, pending)


def _is_due(job: SpeechJob, now: float) -> bool:
    may_send = job.n_sent < job.allowed
    return may_send or job.cancel_requested or now - job.asked_at >= LOOK_S
