"""MusicGPT on the wire: what is sent and what is answer_in_envelope, field by field.

Sources: those of `routes.py`, which does the rest.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text

SOUND = "SOUND_GENERATOR"
MAX_PAGE = 100

Status = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED"]


class SoundBody(StrictBody):
    """What to make; JSON or a form."""

    prompt: Prompt = Field(description="The sound, in words.")
    webhook_url: Text | None = Field(None, description="Is told when the sound is ready.")
    user_id: Text | None = Field(None, description="To tell your users' sounds apart in `byUser`.")
    audio_length: Integer | None = Field(
        None, ge=1, description="Seconds; the model's own length if absent."
    )


class ByIdQuery(RequestModel):
    """Which conversion; at least one of the ids."""

    conversionType: Name = Field(description=f"`{SOUND}`; the id alone decides.")
    task_id: Text | None = None
    conversion_id: Text | None = None


class ByUserQuery(RequestModel):
    """Which conversions, page by page."""

    conversionType: Text | None = None
    user_id: Text | None = None
    startDate: datetime | None = None
    endDate: datetime | None = Field(None, description="A date without a time is the whole day.")
    sortOrder: Literal["asc", "desc"] = "desc"
    limit: Integer = Field(20, ge=1, le=MAX_PAGE)
    LastEvaluatedKey: Text | None = Field(None, description="As the page before gave it.")


class Accepted(BaseModel):
    """A sound that will be made."""

    success: bool = True
    task_id: str
    conversion_id: str
    eta: int = Field(description="Seconds until it should be ready.")
    credit_estimate: float
    message: str = "Successfully published to queue"
    status: Status


class Conversion(BaseModel):
    """A sound and where it is."""

    task_id: str
    conversion_id: str
    conversion_type: str = SOUND
    status: Status
    status_msg: str
    message: str
    audio_url: str | None
    conversion_path: str | None
    conversion_path_wav: str | None
    conversion_duration: float | None
    conversion_cost: float | None
    title: str | None = None
    lyrics: str | None = None
    music_style: str | None = None
    createdAt: str
    updatedAt: str


class Found(BaseModel):
    """One conversion."""

    success: bool = True
    conversion: Conversion


class Listed(BaseModel):
    """A page of conversions."""

    success: bool = True
    conversions: list[Conversion]
    LastEvaluatedKey: str | None = Field(description="Of the next page; null: this is the last.")


class Valid(BaseModel):
    """The key is right."""

    success: bool = True
    message: str = ""
