"""What the denoiser remembers of jobs that it does not have: not yet, or not any more."""

Progress = tuple[int, int]
"""Steps done and steps in all."""

UNKNOWN_JOB: Progress = (-1, -1)

REMEMBERED_CANCELS = 4096
REMEMBERED_ENDS = 1024


class KnownJobs:
    """Bounded memories by job id. Not thread-safe."""

    def __init__(self) -> None:
        """Know nothing."""
        # A cancel may overtake its job, which is still being tokenised or encoded.
        self._early_cancels: dict[str, None] = {}  # in the order of arrival
        # A client that waits for the decoder asks whether its job was lost with our process.
        self._ended: dict[str, Progress] = {}

    def cancel_early(self, job_id: str) -> None:
        """Keep a cancel for a job that has not come yet."""
        self._early_cancels[job_id] = None
        if len(self._early_cancels) > REMEMBERED_CANCELS:
            del self._early_cancels[next(iter(self._early_cancels))]  # the oldest

    def pop_early_cancel(self, job_id: str) -> bool:
        """Return whether a job was cancelled before it came; forget that cancel."""
        if not job_id or job_id not in self._early_cancels:
            return False
        del self._early_cancels[job_id]
        return True

    def remember(self, job_id: str, progress: Progress) -> None:
        """Keep how far a job came whose steps are all done."""
        if not job_id:
            return
        self._ended[job_id] = progress
        if len(self._ended) > REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]  # the oldest

    def progress(self, job_id: str) -> Progress:
        """Return how far a job came whose steps are all done, or `UNKNOWN_JOB`."""
        return self._ended.get(job_id, UNKNOWN_JOB)
