"""What is told about an ended job: each contract's own body, or ours."""

import json
from collections.abc import Callable, Mapping

import structlog

from frontend.jobs.model import Job
from frontend.jobs.views import FileUrls, job_view
from frontend.storage.files import FileStore
from frontend.webhooks.model import Announcement

WebhookBody = Callable[[Job, FileUrls], Mapping[str, object]]
"""The JSON that a contract promises its receivers for a job that is over."""

_log = structlog.get_logger(__name__)


class Announcer:
    """Makes announcements. The body is made once: every attempt sends the same bytes."""

    def __init__(self, files: FileStore, bodies: Mapping[str, WebhookBody]) -> None:
        """`bodies` by contract; a contract without one gets `standard_body`."""
        self._files = files
        self._bodies = bodies

    async def __call__(self, job: Job) -> Announcement | None:
        """Return what to tell whom, or None where nobody asked."""
        if job.request.webhook_url is None:
            return None
        urls = await link_job_files(job, self._files, job.request.base_url)
        return Announcement(
            event=get_event_type(job),
            url=job.request.webhook_url,
            body=json.dumps(self._body(job, urls)).encode(),
        )

    def _body(self, job: Job, urls: FileUrls) -> Mapping[str, object]:
        make = self._bodies.get(job.request.contract, standard_body)
        try:
            return make(job, urls)
        except Exception:
            # A job must be able to end whatever a contract does.
            _log.exception("webhook body failed", contract=job.request.contract, job_id=job.id)
            return standard_body(job, urls)


def get_event_type(job: Job) -> str:
    """Return the event's type: `job.completed`, `job.error` or `job.cancelled`."""
    return f"job.{job.status.value}"


def standard_body(job: Job, urls: FileUrls) -> Mapping[str, object]:
    """Return the payload that Standard Webhooks recommends: type, timestamp, data."""
    ended = job.finished_at or job.updated_at
    return {
        "type": get_event_type(job),
        "timestamp": ended.isoformat(),
        "data": job_view(job, urls),
    }


async def link_job_files(job: Job, files: FileStore, base_url: str | None) -> dict[str, str]:
    """Return a fresh link to each file of a job, by its key; `base_url` is the client's."""
    made = job.result.files if job.result is not None else ()
    return {file.key: await files.url(file.key, base_url) for file in made}
