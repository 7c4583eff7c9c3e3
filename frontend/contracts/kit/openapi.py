"""What /docs shows of a contract: its body, the formats it answers with, and its real errors."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from frontend.audio.formats import AudioFormat
from frontend.contracts.kit.envelope import Envelope
from frontend.errors import TritoneError

Responses = dict[int | str, dict[str, Any]]

SOUND_HEADERS = {
    "x-tritone-model": "The model that made the sound.",
    "x-tritone-model-version": "Its version.",
    "x-tritone-seed": "The seed that was used; send it again for the same sound.",
    "x-tritone-steps": "Denoising steps.",
    "x-tritone-guidance-scale": "Guidance.",
    "x-tritone-sample-rate": "Of the audio, in Hz.",
    "x-tritone-channels": "Of the audio.",
    "x-tritone-seconds": "Length of the audio.",
    "x-tritone-note": "What was done otherwise than asked.",
}


def body_of(
    *models: type[BaseModel], media_types: Iterable[str] = ("application/json",)
) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads its body itself: any one of the models."""
    schemas = [model.model_json_schema() for model in models]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"requestBody": {"required": True, "content": content}}


def query_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads its query itself."""
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return {
        "parameters": [
            {"in": "query", "name": name, "required": name in required, "schema": each}
            for name, each in schema["properties"].items()
        ]
    }


def path_of(name: str) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads a part of its path itself.

    A parameter of the function would bring FastAPI's own 422 into the document.
    """
    schema = {"type": "string"}
    return {"parameters": [{"in": "path", "name": name, "required": True, "schema": schema}]}


def audio_of(formats: Iterable[AudioFormat]) -> Responses:
    """Return the OpenAPI response of a finished sound in any of the formats."""
    media_types = dict.fromkeys(audio_format.media_type for audio_format in formats)
    return {
        200: {
            "description": "The sound.",
            "content": {
                each: {"schema": {"type": "string", "format": "binary"}} for each in media_types
            },
            "headers": {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in SOUND_HEADERS.items()
            },
        }
    }


def errors_of(envelope: Envelope) -> Responses:
    """Return the OpenAPI responses of a contract's errors."""
    by_status: Responses = {}
    for kind, entry in envelope.table.items():
        shown = by_status.setdefault(
            entry.status, {"model": envelope.get_model(entry.status), "description": ""}
        )
        shown["description"] = f"{shown['description']} {_summarize(kind)}".strip()
    return dict(sorted(by_status.items(), key=lambda item: int(item[0])))


def _summarize(kind: type[TritoneError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def either(*contracts: Responses) -> Responses:
    """Return the error responses of a path where any one of several contracts answers."""
    merged: Responses = {}
    for responses in contracts:
        for status, response in responses.items():
            known = merged.get(status)
            merged[status] = response if known is None else _joined(known, response)
    return dict(sorted(merged.items(), key=lambda item: int(item[0])))


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"model": one["model"] | other["model"], "description": one["description"]}
