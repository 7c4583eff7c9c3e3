"""A job as JSON for everybody: our own routes, events and webhooks. Contracts have their own."""

from collections.abc import Mapping
from typing import Any

from frontend.jobs.model import Job, JobFile, JobResult

FileUrls = Mapping[str, str]
"""Links by the files' keys."""


def job_view(job: Job, urls: FileUrls) -> dict[str, Any]:
    """Return what may be told of a job; nothing of the prompt or the text."""
    return {
        "id": job.id,
        "status": job.status.value,
        "contract": job.request.contract,
        "labels": dict(job.request.labels),
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "attempt": job.attempt,
        "cancel_requested": job.cancel_requested,
        "position": job.position,
        "steps_done": job.steps_done,
        "steps": job.steps,
        "error": _failure_view(job),
        "result": _result_view(job, job.result, urls) if job.result else None,
    }


def file_name(job: Job, file: JobFile) -> str:
    """Return a name to save a file under."""
    return f"{job.id}.{file.key.rpartition('.')[2]}"


def _failure_view(job: Job) -> dict[str, str] | None:
    if job.failure is None:
        return None
    return {"name": job.failure.name, "message": job.failure.message}


def _result_view(job: Job, result: JobResult, urls: FileUrls) -> dict[str, Any]:
    return {
        "seconds": result.seconds,
        "sample_rate": result.sample_rate,
        "model": result.model,
        "model_version": result.model_version,
        "seed": result.seed,
        "steps": result.steps,
        "guidance_scale": result.guidance_scale,
        "voice": result.voice,
        "notes": list(result.notes),
        "files": [
            {
                "url": urls[file.key],
                "format": file.format,
                "content_type": file.media_type,
                "file_name": file_name(job, file),
                "file_size": file.n_bytes,
            }
            for file in result.files
        ],
    }
