"""What the denoiser remembers of jobs that it does not have: not yet, or not any more."""

from backends.early_cancels import EarlyCancels
from backends.progress import UNKNOWN_JOB, Progress

REMEMBERED_CANCELS = 4096
REMEMBERED_ENDS = 1024


class KnownJobs:
    """Bounded memories by job id. Not thread-safe."""

    def __init__(self, early_cancels: EarlyCancels | None = None) -> None:
        """Know nothing; with `early_cancels`, other processes may refuse a cancelled job."""
        # A cancel may overtake its job, which is still being tokenised or encoded.
        self._shared = early_cancels
        self._early_cancels: dict[str, bool] = {}  # whether it is shared; in the order of arrival
        # A client that waits for the decoder asks whether its job was lost with our process.
        self._ended: dict[str, Progress] = {}

    def cancel_early(self, job_id: str) -> None:
        """Keep a cancel for a job that has not come yet."""
        if not job_id:
            return
        self._early_cancels.pop(job_id, None)
        self._early_cancels[job_id] = self._shared is not None and self._shared.add(job_id)
        if len(self._early_cancels) > REMEMBERED_CANCELS:
            self.pop_early_cancel(next(iter(self._early_cancels)))  # the oldest

    def pop_early_cancel(self, job_id: str) -> bool:
        """Return whether a job was cancelled before it came; forget that cancel."""
        is_shared = self._early_cancels.pop(job_id, None)
        if is_shared and self._shared is not None:
            return self._shared.pop(job_id)  # unless another process has used it
        return is_shared is not None

    def forget_early_cancels(self) -> None:
        """Leave nothing to other processes."""
        for job_id in list(self._early_cancels):
            self.pop_early_cancel(job_id)
        if self._shared is not None:
            self._shared.close()

    def remember(self, job_id: str, progress: Progress) -> None:
        """Keep the progress of a job whose steps are all done."""
        if not job_id:
            return
        self._ended[job_id] = progress
        if len(self._ended) > REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]  # the oldest

    def progress(self, job_id: str) -> Progress:
        """Return how far a job came whose steps are all done, or `UNKNOWN_JOB`."""
        return self._ended.get(job_id, UNKNOWN_JOB)
