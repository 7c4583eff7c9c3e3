"""Parts of the OpenAPI document: bodies, queries, audio formats and the errors of an envelope."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from frontend.audio.formats import AudioFormat
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.notes import NOTE_HEADER
from frontend.errors import TritoneError

Schema = dict[str, Any]
Example = Mapping[str, object]
Responses = dict[int | str, dict[str, Any]]

_DEFINITION = "#/$defs/"

SOUND_HEADERS = {
    "x-tritone-model": "The model that made the sound.",
    "x-tritone-model-version": "The version of that model.",
    "x-tritone-seed": "The seed that was used; send it again for the same sound.",
    "x-tritone-steps": "Denoising steps.",
    "x-tritone-guidance-scale": "How closely the prompt was followed.",
    "x-tritone-sample-rate": "Sample rate of the audio, in Hz.",
    "x-tritone-channels": "Channels of the audio.",
    "x-tritone-seconds": "Length of the audio.",
    NOTE_HEADER: "What could not be done as asked.",
}


def body_of(
    model: type[BaseModel],
    example: Example,
    *,
    media_types: Iterable[str] = ("application/json",),
) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads its body itself.

    `example` must work as it stands: /docs sends it, and a test does.
    """
    shown = {"schema": make_schema(model), "example": example}
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, shown)}}


def any_body_of(bodies: Mapping[str, tuple[type[BaseModel], Example]]) -> dict[str, Any]:
    """Return `openapi_extra` for a route that takes the bodies of several contracts, by name."""
    shown = {
        "schema": {"anyOf": [make_schema(model) for model, _ in bodies.values()]},
        "examples": {name: {"value": example} for name, (_, example) in bodies.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": shown}}}


def make_schema(model: type[BaseModel]) -> Schema:
    """Return the JSON schema of a model, with the models inside it written out.

    Pydantic's references lead to `$defs` of the same schema, and nowhere in a larger document.
    """
    schema = model.model_json_schema()
    definitions: dict[str, Schema] = schema.pop("$defs", {})
    return _inline(schema, definitions)


def _inline(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    def inline(part: object) -> object:
        if isinstance(part, list):
            return [inline(each) for each in part]
        return _inline(part, definitions) if isinstance(part, dict) else part

    inlined = {name: inline(each) for name, each in schema.items() if name != "$ref"}
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix(_DEFINITION)]
        return _inline(target, definitions) | inlined
    return inlined


def query_of(model: type[BaseModel], *path_names: str) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads its query itself, and parts of its path."""
    schema = make_schema(model)
    required = schema.get("required", ())
    query = [
        {"in": "query", "name": name, "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]
    in_path = [each for name in path_names for each in path_of(name)["parameters"]]
    return {"parameters": in_path + query}


def path_of(name: str) -> dict[str, Any]:
    """Return `openapi_extra` for a route that reads a part of its path itself.

    A parameter of the function would bring FastAPI's own 422 into the document.
    """
    schema = {"type": "string"}
    return {"parameters": [{"in": "path", "name": name, "required": True, "schema": schema}]}


def audio_of(formats: Iterable[AudioFormat], *, has_events: bool = False) -> Responses:
    """Return the OpenAPI response of a sound in any of the formats, or in events."""
    media_types = dict.fromkeys(audio_format.media_type for audio_format in formats)
    event = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    events = {"text/event-stream": {"schema": event}} if has_events else {}
    return {
        200: {
            "description": "The sound.",
            "content": {
                each: {"schema": {"type": "string", "format": "binary"}} for each in media_types
            }
            | events,
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
    """Return the error responses of a path that several contracts share."""
    merged: Responses = {}
    for responses in contracts:
        for status, response in responses.items():
            known = merged.get(status)
            merged[status] = response if known is None else _join(known, response)
    return dict(sorted(merged.items(), key=lambda item: int(item[0])))


def _join(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"model": one["model"] | other["model"], "description": one["description"]}
