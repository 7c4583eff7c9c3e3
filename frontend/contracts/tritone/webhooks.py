"""Webhooks of the caller's jobs: their deliveries, and the secrets of their signatures."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.route import make_router
from frontend.contracts.tritone.bodies import (
    AttemptView,
    DeliveryList,
    DeliveryView,
    WebhookSecrets,
)
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.webhooks.model import Delivery, DeliveryStatus

router = make_router(ENVELOPE, "Jobs")
_ERRORS = openapi.errors_of(ENVELOPE)
_JOB_ID = openapi.path_of("job_id")


def get_id(request: Request) -> str:
    """Return the job's id in a path; AI/ML API writes it `<id>:<model>`."""
    return str(request.path_params["job_id"]).partition(":")[0]


def view_delivery(delivery: Delivery) -> DeliveryView:
    """Translate a delivery into its view."""
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


@router.get(
    "/jobs/{job_id}/deliveries",
    response_model=DeliveryList,
    responses=_ERRORS,
    openapi_extra=_JOB_ID,
)
async def list_deliveries(request: Request) -> Response:
    """List the webhooks of a job, with every attempt."""
    found = await get_jobs(request).service.deliveries(get_id(request), get_owner(request))
    return JSONResponse(DeliveryList(deliveries=[view_delivery(d) for d in found]).model_dump())


@router.post(
    "/deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=DeliveryView,
    responses=_ERRORS,
    openapi_extra=openapi.path_of("delivery_id"),
)
async def redeliver(request: Request) -> Response:
    """Deliver a webhook again, with the same id and body."""
    delivery = await get_jobs(request).service.redeliver(
        request.path_params["delivery_id"], get_owner(request)
    )
    return JSONResponse(view_delivery(delivery).model_dump(), 202)


@router.get("/webhook-secrets", response_model=WebhookSecrets, responses=_ERRORS)
async def show_webhook_secrets(request: Request) -> Response:
    """Show the secrets with which receivers check the signatures of webhooks."""
    secrets = get_jobs(request).webhook_secrets(get_owner(request))
    answer = WebhookSecrets(secrets=list(secrets)).model_dump()
    return JSONResponse(answer, headers={"cache-control": "no-store"})
