"""MusicGPT: the fields of its requests and answers.

`routes.py` names the sources.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text

SOUND = "SOUND_GENERATOR"
MAX_PAGE = 100

Status = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED"]


class SoundBody(StrictBody):
    """A sound to be made, as JSON or as a form."""

    prompt: Prompt = Field(description="The sound, in words.")
    webhook_url: Text | None = Field(None, description="Gets a POST when the sound is ready.")
    user_id: Text | None = Field(None, description="A mark that `byUser` can filter by.")
    audio_length: Integer | None = Field(
        None, ge=1, description="Seconds; the model's own length if absent."
    )


class ByIdQuery(RequestModel):
    """The conversion to look up, by at least one of its ids."""

    conversionType: Name = Field(description=f"`{SOUND}`. The id alone decides what is found.")
    task_id: Text | None = None
    conversion_id: Text | None = None


class ByUserQuery(RequestModel):
    """A page of the caller's conversions, with filters."""

    conversionType: Text | None = None
    user_id: Text | None = None
    startDate: datetime | None = None
    endDate: datetime | None = Field(
        None, description="A date without a time includes the whole day."
    )
    sortOrder: Literal["asc", "desc"] = "desc"
    limit: Integer = Field(20, ge=1, le=MAX_PAGE)
    LastEvaluatedKey: Text | None = Field(None, description="The value from the previous page.")


class Accepted(BaseModel):
    """The answer to an accepted request."""

    success: bool = True
    task_id: str
    conversion_id: str
    eta: int = Field(description="Seconds until it should be ready.")
    credit_estimate: float
    message: str = "Successfully published to queue"
    status: Status


class Conversion(BaseModel):
    """The state of a sound, and its links once it is finished."""

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
    LastEvaluatedKey: str | None = Field(description="For the next page; null on the last one.")


class Valid(BaseModel):
    """The key is right."""

    success: bool = True
    message: str = ""
