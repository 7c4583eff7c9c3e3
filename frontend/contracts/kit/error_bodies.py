"""JSON bodies of errors that more than one contract has: rendered from, and shown in /docs."""

from pydantic import BaseModel


class FaultEntry(BaseModel):
    """One thing wrong with the request."""

    loc: list[str | int]
    msg: str
    type: str


class FaultList(BaseModel):
    """A request that does not fit the schema. ElevenLabs and vLLM-Omni, status 422."""

    detail: list[FaultEntry]


class ErrorDetail(BaseModel):
    """What went wrong, as OpenAI and its descendants say it."""

    message: str
    type: str
    param: str | None
    code: int


class ErrorObject(BaseModel):
    """Any error of LocalAI, any of ours, and those of vLLM-Omni that are not a schema's."""

    error: ErrorDetail
