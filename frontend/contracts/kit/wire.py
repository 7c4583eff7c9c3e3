"""The JSON bodies of every contract's errors, as models: rendered from, and shown in /docs."""

from pydantic import BaseModel


class FaultEntry(BaseModel):
    """One thing wrong with the request."""

    loc: list[str | int]
    msg: str
    type: str


class FaultList(BaseModel):
    """A request that does not fit the schema. ElevenLabs and vLLM-Omni, status 422."""

    detail: list[FaultEntry]


class ElevenLabsDetail(BaseModel):
    """Today's six keys; `status` and `message` alone are what older clients read."""

    type: str
    code: str
    message: str
    status: str  # legacy: equals `code`
    request_id: str
    param: str | None


class ElevenLabsError(BaseModel):
    """Any other error of ElevenLabs."""

    detail: ElevenLabsDetail


class ErrorDetail(BaseModel):
    """What went wrong, as OpenAI's descendants say it."""

    message: str
    type: str
    param: str | None
    code: int


class ErrorObject(BaseModel):
    """Any error of LocalAI, and those of vLLM-Omni that are not a schema's."""

    error: ErrorDetail


class AimlapiError(BaseModel):
    """Any error of AI/ML API."""

    message: str
    path: str
    requestId: str
    statusCode: int
    timestamp: str  # ISO 8601 with milliseconds and Z


class MusicGptError(BaseModel):
    """Any error of MusicGPT; its own pages show two shapes, and this is both."""

    success: bool = False
    message: str
    detail: str
