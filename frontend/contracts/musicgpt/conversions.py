"""MusicGPT: a job as a conversion, in lookups and in webhooks."""

from typing import Any
from uuid import UUID

from frontend.contracts.kit.job_submission import CANCELLED_MESSAGE
from frontend.contracts.musicgpt.bodies import Conversion, Status
from frontend.errors import JobNotFound
from frontend.jobs.model import Job, JobResult, JobStatus
from frontend.jobs.views import FileUrls

SOUND_IN_WEBHOOKS = "Sound Creator"
CREDITS_PER_SECOND = 0.198  # the vendor's sample: 0.99 for the 5 s that its clients ask for

STATUSES: dict[JobStatus, Status] = {
    JobStatus.QUEUED: "IN_QUEUE",
    JobStatus.RUNNING: "IN_PROGRESS",
    JobStatus.COMPLETED: "COMPLETED",
    JobStatus.ERROR: "FAILED",
    JobStatus.CANCELLED: "FAILED",
}
_MESSAGES: dict[JobStatus, str] = {
    JobStatus.COMPLETED: "Audio Generation Completed Successfully",
    JobStatus.CANCELLED: CANCELLED_MESSAGE,
}

NO_CONVERSION = "There is no such conversion."
# No bits where a UUID has its version and variant.
_MASK = 0x5F3A9C1E_7B24_0D68_0E91_C47A2B50D39F


def swap_id(one: str) -> str:
    """Return the conversion id of a task id, and the task id of a conversion id.

    A job has one id and this contract has two. Each is computed from the other, so that both find
    the job without an index.

    Raises:
        JobNotFound: neither.
    """
    try:
        return str(UUID(int=UUID(one).int ^ _MASK))
    except ValueError:
        raise JobNotFound(NO_CONVERSION) from None


def count_credits(seconds: float) -> float:
    """Return the credits for a sound."""
    return round(CREDITS_PER_SECOND * seconds, 2)


def to_conversion(job: Job, urls: FileUrls) -> Conversion:
    """Translate a job into a conversion."""
    paths = _list_paths(job.result, urls)
    message = _describe(job)
    return Conversion(
        task_id=job.id,
        conversion_id=swap_id(job.id),
        status=STATUSES[job.status],
        status_msg=message,
        message=message,
        audio_url=paths.get("mp3"),
        conversion_path=paths.get("mp3"),
        conversion_path_wav=paths.get("wav"),
        conversion_duration=job.result.seconds if job.result else None,
        conversion_cost=count_credits(job.result.seconds) if job.result else None,
        createdAt=job.created_at.isoformat(),
        updatedAt=job.updated_at.isoformat(),
    )


def webhook_body(job: Job, urls: FileUrls) -> dict[str, Any]:
    """Return the body of a webhook: the keys of both bodies that the vendor's pages print."""
    conversion = to_conversion(job, urls)
    of_each = {
        "conversion_paths": conversion.conversion_path,
        "conversion_paths_wav": conversion.conversion_path_wav,
        "conversion_durations": conversion.conversion_duration,
    }
    return {
        "success": job.status is JobStatus.COMPLETED,
        **conversion.model_dump(),
        "conversion_type": SOUND_IN_WEBHOOKS,
        **{
            name: {} if value is None else {conversion.conversion_id: value}
            for name, value in of_each.items()
        },
    }


def _list_paths(result: JobResult | None, urls: FileUrls) -> dict[str, str]:
    return {} if result is None else {file.format: urls[file.key] for file in result.files}


def _describe(job: Job) -> str:
    if job.failure is not None:
        return job.failure.message
    return _MESSAGES.get(job.status, "")
