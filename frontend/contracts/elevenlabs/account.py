"""ElevenLabs: `GET /v1/user` and `GET /v1/user/subscription`, for clients that ask first.

Source: https://elevenlabs.io/docs/api-reference/user; every key that the official clients (Python
0.2-2.78, JavaScript 2.73) require. Nothing costs money here, so the
numbers say that there is no limit.
"""

from typing import Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_owner
from frontend.contracts.kit.route import make_router

UNLIMITED = 1_000_000_000  # characters; clients compare it with what they are about to send


class Overage(BaseModel):
    """Costs beyond the plan: none."""

    amount: str = "0"
    currency: str = "usd"


class Subscription(BaseModel):
    """The caller's plan, without limits."""

    tier: str = "self_hosted"
    status: Literal["active"] = "active"
    character_count: int = 0
    character_limit: int = UNLIMITED
    max_credit_limit_extension: int | Literal["unlimited"] = "unlimited"
    can_extend_character_limit: bool = False
    allowed_to_extend_character_limit: bool = False
    next_character_count_reset_unix: int = 0  # required by the Python client 0.x
    voice_slots_used: int = 0
    professional_voice_slots_used: int = 0
    professional_voice_slots_used_in_workspace: int = 0
    voice_limit: int = 0
    voice_add_edit_counter: int = 0
    professional_voice_limit: int = 0
    can_extend_voice_limit: bool = False
    can_use_instant_voice_cloning: bool = False
    can_use_professional_voice_cloning: bool = False
    current_overage: Overage = Overage()


class SubscriptionWithInvoices(Subscription):
    """The plan as its own path shows it."""

    open_invoices: list[str] = []
    has_open_invoices: bool = False


class User(BaseModel):
    """The caller."""

    user_id: str
    workspace_id: str = "tritone"
    subscription: Subscription = Subscription()
    is_new_user: bool = False
    can_use_delayed_payment_methods: bool = False
    is_onboarding_completed: bool = True
    is_onboarding_checklist_completed: bool = True
    created_at: int = 0
    seat_type: Literal["workspace_member"] = "workspace_member"


router = make_router(ENVELOPE, "ElevenLabs")
_ERRORS = openapi.errors_of(ENVELOPE)


@router.get("/v1/user", response_model=User, responses=_ERRORS)
async def show_user(request: Request) -> Response:
    """Show the caller."""
    return JSONResponse(User(user_id=get_owner(request) or "anonymous").model_dump())


@router.get("/v1/user/subscription", response_model=SubscriptionWithInvoices, responses=_ERRORS)
async def show_subscription() -> Response:
    """Show the caller's plan."""
    return JSONResponse(SubscriptionWithInvoices().model_dump())
