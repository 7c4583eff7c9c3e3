"""`/jobs`: our own way to submit jobs, and a view of the jobs of all contracts."""

from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.fields import Integer, RequestModel, Text
from frontend.contracts.kit.job_submission import link_files, submit_job
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.route import make_router
from frontend.contracts.tritone.bodies import JobPage, JobView
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.contracts.tritone.event_stream import event_stream
from frontend.contracts.tritone.orders import BODIES, TaskBody, to_order, view_request
from frontend.contracts.tritone.webhooks import get_id
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.views import job_view


class JobsQuery(RequestModel):
    """A page of the caller's jobs, with filters."""

    status: JobStatus | None = None
    contract: Text | None = Field(None, description="Such as `aimlapi`.")
    limit: Integer = Field(20, ge=1, le=100)
    cursor: Text | None = Field(None, description="The value from the previous page.")


router = make_router(ENVELOPE, "Jobs")
_ERRORS = openapi.errors_of(ENVELOPE)
_JOB_ID = openapi.path_of("job_id")


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobView,
    responses=_ERRORS,
    openapi_extra=openapi.any_body_of(BODIES),
)
async def create_job(request: Request) -> Response:
    """Accept a sound or a text to speak; an `Idempotency-Key` makes it safe to repeat."""
    task = (await read_body(request, TaskBody)).task
    body = await read_body(request, BODIES[task][0])
    job = await submit_job(request, body, lambda: to_order(request, body))
    return JSONResponse(await _show(request, job), 202, make_note_headers(job.notes))


@router.get(
    "/jobs",
    response_model=JobPage,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(JobsQuery),
)
async def list_jobs(request: Request) -> Response:
    """List the caller's jobs from all contracts, the newest first."""
    query = read_query(request, JobsQuery)
    which = JobFilter(
        owner=get_owner(request),
        contract=query.contract,
        statuses=None if query.status is None else (query.status,),
    )
    page = await get_jobs(request).service.list(which, query.cursor, query.limit)
    views = [await _show(request, job) for job in page.jobs]
    return JSONResponse({"jobs": views, "cursor": page.cursor})


@router.get("/jobs/{job_id}", response_model=JobView, responses=_ERRORS, openapi_extra=_JOB_ID)
async def show_job(request: Request) -> Response:
    """Show the state of a job, with links to its files once it is completed."""
    job = await _find_job(request)
    return JSONResponse(await _show(request, job), headers=make_note_headers(job.notes))


@router.delete("/jobs/{job_id}", response_model=JobView, responses=_ERRORS, openapi_extra=_JOB_ID)
async def cancel_job(request: Request) -> Response:
    """Cancel a job. A job that is over does not change."""
    job = await get_jobs(request).service.cancel(get_id(request), get_owner(request))
    return JSONResponse(await _show(request, job))


@router.get(
    "/jobs/{job_id}/events",
    response_class=Response,
    responses={
        200: {"description": "A job at every change.", "content": {"text/event-stream": {}}},
        **_ERRORS,
    },
    openapi_extra=_JOB_ID,
)
async def follow_job(request: Request) -> Response:
    """Send the state of a job now and at every change, as server-sent events, until it is over."""
    events = await get_jobs(request).service.events(get_id(request), get_owner(request))

    async def views() -> AsyncIterator[tuple[str, object]]:
        async for job in events:
            yield job.status.value, await _show(request, job)

    return event_stream(views())


async def _find_job(request: Request) -> Job:
    return await get_jobs(request).service.get(get_id(request), get_owner(request))


async def _show(request: Request, job: Job) -> dict[str, object]:
    view = job_view(job, await link_files(request, job))
    return view | {"request": view_request(job).model_dump()}
