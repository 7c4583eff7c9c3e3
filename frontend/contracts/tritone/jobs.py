"""`/jobs`: our own way to submit jobs, and a view of the jobs of all contracts."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from frontend.audio.formats import FORMATS
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.fields import Integer, Prompt, RequestModel, StrictBody, Text
from frontend.contracts.kit.job_submission import JobOrder, link_files, resolve_model, submit_job
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.route import make_router
from frontend.contracts.tritone.bodies import (
    JobPage,
    JobView,
    RequestView,
)
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.contracts.tritone.event_stream import event_stream
from frontend.contracts.tritone.webhooks import get_id
from frontend.jobs.model import Job, JobRequest, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.views import job_view
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard
from tritone.limits import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS, MIN_SEED

MAX_LABELS = 16

FormatWord = Literal["wav", "mp3", "flac", "opus", "aac", "pcm", "ulaw", "alaw"]
EXAMPLE = {"prompt": "Rain on a tin roof", "seconds": 5, "formats": ["mp3", "wav"]}


class JobBody(StrictBody):
    """A sound to be made, and its files."""

    prompt: Prompt = Field(description="The sound, in words.")
    model: Text | None = Field(None, description="A served model; the default one if absent.")
    negative_prompt: Text | None = Field(None, description="What to avoid.")
    seconds: float | None = Field(None, gt=0, description="Length; the model's own if absent.")
    seconds_start: float = Field(0.0, ge=0, description="Start within the model's window.")
    steps: Integer | None = Field(None, ge=1, le=MAX_STEPS, description="Denoising steps.")
    guidance_scale: float | None = Field(
        None, ge=0, le=MAX_GUIDANCE_SCALE, description="How closely to follow the prompt."
    )
    seed: Integer | None = Field(
        None,
        ge=MIN_SEED,
        le=MAX_SEED,
        description="Repeats the same sound.",
    )
    loop: bool = Field(False, description="Make a sound that repeats without a seam.")
    formats: Annotated[list[FormatWord], Field(min_length=1, max_length=len(FORMATS))] = Field(
        ["wav"], description="One file each."
    )
    webhook_url: Text | None = Field(None, description="Gets a POST when the job is over.")
    labels: Annotated[dict[Text, Text], Field(max_length=MAX_LABELS)] = Field(
        {}, description="Your own words; every view of the job has them."
    )


class JobsQuery(RequestModel):
    """A page of the caller's jobs, with filters."""

    status: JobStatus | None = None
    contract: Text | None = Field(None, description="Such as `aimlapi`.")
    limit: Integer = Field(20, ge=1, le=100)
    cursor: Text | None = Field(None, description="The value from the previous page.")


def to_order(body: JobBody, card: ModelCard) -> JobOrder:
    """Translate a body into an order for a model."""
    return JobOrder(
        contract=ENVELOPE.name,
        wanted=GenerationRequest(
            prompt=body.prompt,
            model=card.name,
            negative_prompt=body.negative_prompt,
            seconds=body.seconds,
            seconds_start=body.seconds_start,
            steps=body.steps,
            guidance_scale=body.guidance_scale,
            seed=body.seed,
            loop=body.loop,
        ),
        formats=tuple(FORMATS[word] for word in dict.fromkeys(body.formats)),
        words={},
        webhook_url=body.webhook_url,
        labels=body.labels,
    )


def view_request(asked: JobRequest) -> RequestView:
    """Translate the request of a job, from whichever contract, into the words of `JobBody`."""
    sound = asked.sound
    return RequestView(
        prompt=sound.prompt,
        model=sound.model,
        negative_prompt=sound.negative_prompt,
        seconds=sound.seconds,
        seconds_start=sound.seconds_start,
        steps=sound.steps,
        guidance_scale=sound.guidance_scale,
        seed=sound.seed,
        loop=sound.loop,
        formats=[each.name for each in asked.formats],
        webhook_url=asked.webhook_url,
    )


router = make_router(ENVELOPE, "Jobs")
_ERRORS = openapi.errors_of(ENVELOPE)
_JOB_ID = openapi.path_of("job_id")


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobView,
    responses=_ERRORS,
    openapi_extra=openapi.body_of(JobBody, EXAMPLE),
)
async def create_job(request: Request) -> Response:
    """Accept a request for a sound; an `Idempotency-Key` makes it safe to repeat."""
    body = await read_body(request, JobBody)
    job = await submit_job(
        request, body, lambda: to_order(body, resolve_model(request, body.model))
    )
    return JSONResponse(await _show(request, job), 202, make_note_headers(body.notes))


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
    return JSONResponse(await _show(request, await _find_job(request)))


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
    return view | {"request": view_request(job.request).model_dump()}
