"""Our own routes: jobs of any contract, their progress, their webhooks.

Source: nobody's but ours. A job submitted through another contract is found here by the same id.
"""

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
    AttemptView,
    DeliveryList,
    DeliveryView,
    JobPage,
    JobView,
    RequestView,
    WebhookSecrets,
)
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.contracts.tritone.event_stream import event_stream
from frontend.jobs.model import Job, JobRequest, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.views import job_view
from frontend.sounds.request import GenerationRequest
from frontend.webhooks.model import Delivery, DeliveryStatus
from tritone.card import ModelCard

MAX_LABELS = 16
_INT64 = 1 << 63

FormatWord = Literal["wav", "mp3", "flac", "opus", "aac", "pcm", "ulaw", "alaw"]
EXAMPLE = {"prompt": "Rain on a tin roof", "seconds": 5, "formats": ["mp3", "wav"]}


class JobBody(StrictBody):
    """What to make, in our own words."""

    prompt: Prompt = Field(description="The sound, in words.")
    model: Text | None = Field(None, description="A served model; the default one if absent.")
    negative_prompt: Text | None = Field(None, description="What to avoid.")
    seconds: float | None = Field(None, gt=0, description="Length; the model's own if absent.")
    seconds_start: float = Field(0.0, ge=0, description="Into the model's window.")
    steps: Integer | None = Field(None, ge=1, le=1000, description="Denoising steps.")
    guidance_scale: float | None = Field(None, ge=0, le=1000)
    seed: Integer | None = Field(None, ge=-_INT64, le=_INT64 - 1)
    loop: bool = Field(False, description="Make a sound that repeats without a seam.")
    formats: Annotated[list[FormatWord], Field(min_length=1, max_length=len(FORMATS))] = Field(
        ["wav"], description="One file each."
    )
    webhook_url: Text | None = Field(None, description="Is told when the job is over.")
    labels: Annotated[dict[Text, Text], Field(max_length=MAX_LABELS)] = Field(
        {}, description="Come back with the job."
    )


class JobsQuery(RequestModel):
    """Which jobs to list."""

    status: JobStatus | None = None
    contract: Text | None = Field(None, description="Such as `aimlapi`.")
    limit: Integer = Field(20, ge=1, le=100)
    cursor: Text | None = Field(None, description="As the page before gave it.")


def to_order(body: JobBody, card: ModelCard) -> JobOrder:
    """Return the body as an order for a model."""
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
    """Return what a job was asked for, in our words, whichever contract it came through."""
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


def view_delivery(delivery: Delivery) -> DeliveryView:
    """Return a webhook with the log of its attempts."""
    is_pending = delivery.status is DeliveryStatus.PENDING
    return DeliveryView(
        id=delivery.id,
        job_id=delivery.job_id,
        event=delivery.event,
        url=delivery.url,
        status=delivery.status.value,
        next_at=delivery.next_at.isoformat() if is_pending else None,
        created_at=delivery.created_at.isoformat(),
        attempts=[
            AttemptView(
                at=each.at.isoformat(),
                status_code=each.status_code,
                problem=each.problem,
                seconds=each.seconds,
            )
            for each in delivery.attempts
        ],
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
    """Accept a sound to be made; an `Idempotency-Key` makes repeating the request harmless."""
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
    """List the jobs of this key, whichever contract they came through, the newest first."""
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
    """Tell where a job is, and link to its files once there are any."""
    return JSONResponse(await _show(request, await _find_job(request)))


@router.delete("/jobs/{job_id}", response_model=JobView, responses=_ERRORS, openapi_extra=_JOB_ID)
async def cancel_job(request: Request) -> Response:
    """Cancel a job; one that is over stays as it is."""
    job = await get_jobs(request).service.cancel(_get_id(request), get_owner(request))
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
    """Send a job now and at every change until it is over, as server-sent events."""
    events = await get_jobs(request).service.events(_get_id(request), get_owner(request))

    async def views() -> AsyncIterator[tuple[str, object]]:
        async for job in events:
            yield job.status.value, await _show(request, job)

    return event_stream(views())


@router.get(
    "/jobs/{job_id}/deliveries",
    response_model=DeliveryList,
    responses=_ERRORS,
    openapi_extra=_JOB_ID,
)
async def list_deliveries(request: Request) -> Response:
    """List a job's webhooks with every attempt."""
    found = await get_jobs(request).service.deliveries(_get_id(request), get_owner(request))
    return JSONResponse(DeliveryList(deliveries=[view_delivery(d) for d in found]).model_dump())


@router.post(
    "/deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=DeliveryView,
    responses=_ERRORS,
    openapi_extra=openapi.path_of("delivery_id"),
)
async def redeliver(request: Request) -> Response:
    """Send a webhook again, with the same id and body."""
    delivery = await get_jobs(request).service.redeliver(
        request.path_params["delivery_id"], get_owner(request)
    )
    return JSONResponse(view_delivery(delivery).model_dump(), 202)


@router.get("/webhook-secrets", response_model=WebhookSecrets, responses=_ERRORS)
async def show_webhook_secrets(request: Request) -> Response:
    """Tell what the receivers of this key's webhooks check signatures with."""
    secrets = get_jobs(request).webhook_secrets(get_owner(request))
    answer = WebhookSecrets(secrets=list(secrets)).model_dump()
    return JSONResponse(answer, headers={"cache-control": "no-store"})


def _get_id(request: Request) -> str:
    # AI/ML API's ids are a job's id and a model: `<uuid>:stable-audio`.
    return str(request.path_params["job_id"]).partition(":")[0]


async def _find_job(request: Request) -> Job:
    return await get_jobs(request).service.get(_get_id(request), get_owner(request))


async def _show(request: Request, job: Job) -> dict[str, object]:
    view = job_view(job, await link_files(request, job))
    return view | {"request": view_request(job.request).model_dump()}
