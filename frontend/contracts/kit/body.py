"""A request body from bytes to a checked model, whatever bytes a client sends.

FastAPI's own handling echoes what it refuses, and answers 500 when that is NaN or a lone surrogate.
Nothing here repeats the input.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from frontend.contracts.kit.errors import UnsupportedEncoding
from frontend.errors import InvalidKind, InvalidRequest
from frontend.http.disconnect import ClientGone

_PLAIN_ENCODINGS = ("", "identity")

Location = tuple[str | int, ...]
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request, in the words that FastAPI sends: pydantic's error types."""

    location: Location  # ("body", "text")
    message: str
    type: str


PYDANTIC_TYPES: Mapping[InvalidKind, str] = {
    "invalid": "value_error",
    "malformed": "value_error",
    "too_long": "string_too_long",
    "not_unicode": "string_unicode",
    "not_finite": "finite_number",
    "not_above_minimum": "greater_than",
    "below_minimum": "greater_than_equal",
    "above_maximum": "less_than_equal",
}
"""Our words for what is wrong with a field, and the types of faults that stand for them."""


class MalformedRequest(InvalidRequest):
    """The request does not fit the contract's schema; names every fault, at least one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Make one message of all faults, and blame the field of the first."""
        super().__init__(
            "; ".join(_describe(fault) for fault in faults),
            field=_get_field(faults[0]),
            kind="malformed",
        )
        self.faults = tuple(faults)


class UnreadableBody(MalformedRequest):
    """The body cannot be parsed at all."""


def _get_field(fault: Fault) -> str | None:
    return next((part for part in fault.location[1:] if isinstance(part, str)), None)


def _describe(fault: Fault) -> str:
    field = _get_field(fault)
    return fault.message if field is None else f"{field}: {fault.message}"


Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, model: type[Model]) -> Model:
    """Return the body of a request as a model.

    Raises:
        MalformedRequest: not JSON, not an object, or not what the model says.
        ClientGone: the client left before its body was complete.
    """
    return validate(model, await read_object(request), "body")


def read_query(request: Request, model: type[Model]) -> Model:
    """Return the query of a request as a model.

    Raises:
        MalformedRequest: it is not what the model says.
    """
    return validate(model, dict(request.query_params), "query")


async def read_object(request: Request) -> JsonObject:
    """Return the body of a request as a JSON object; it may be read again.

    Raises:
        MalformedRequest: not JSON, or not an object.
        ClientGone: the client left before its body was complete.
    """
    return parse_object(await read_raw(request), request.headers.get("content-type"))


async def try_read_object(request: Request) -> JsonObject | None:
    """Return the body as a JSON object, or None: the contract that answers says what is wrong."""
    try:
        return await read_object(request)
    except InvalidRequest:
        return None


async def read_raw(request: Request) -> bytes:
    """Return the bytes of a body; they may be read again.

    Raises:
        UnsupportedEncoding: the body is compressed.
        ClientGone: the client left before its body was complete.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        raise UnsupportedEncoding("Content-Encoding is not supported: send the body as it is.")
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise ClientGone from error


def parse_object(raw: bytes, content_type: str | None) -> JsonObject:
    """Return the JSON object in a body.

    Raises:
        MalformedRequest: empty, of another type, broken, nested too deeply, or no object.
    """
    if not raw:
        raise make_body_error("Field required", "missing")
    if not _is_json(content_type):
        raise make_body_error("Content-Type should be application/json", "content_type")
    content = _parse(raw)
    if not isinstance(content, dict):
        raise make_body_error("Input should be a valid dictionary or object", "dict_type")
    return content


def validate(
    model: type[Model], content: Mapping[str, Any], where: str, *, strict: bool | None = None
) -> Model:
    """Return an object as a model; `where` is "body" or "query".

    `strict` replaces the model's own choice: a form has nothing but strings.

    Raises:
        MalformedRequest: with all faults.
    """
    try:
        return model.model_validate(content, strict=strict)
    except ValidationError as error:
        # `input` and `ctx` may hold what no JSON can carry.
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise MalformedRequest(
            [Fault((where, *each["loc"]), each["msg"], each["type"]) for each in details]
        ) from None


def _is_json(content_type: str | None) -> bool:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise make_unreadable("The body should be UTF-8", "json_invalid") from None
    except json.JSONDecodeError as error:
        message = f"JSON decode error: {error.msg}"
        raise UnreadableBody([Fault(("body", error.pos), message, "json_invalid")]) from None
    except RecursionError:
        raise make_unreadable("The body is nested too deeply", "recursion_loop") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise make_unreadable("A number in the body has too many digits", "json_invalid") from None


def _refuse_constant(name: str) -> Callable[[], float]:
    # Python's parser takes NaN and Infinity, which JSON does not have.
    raise make_unreadable(f"JSON decode error: {name} is not a JSON value", "json_invalid")


def make_body_error(message: str, kind: str, *location: str) -> MalformedRequest:
    """Return the error of one fault; without a location it is about the body as a whole."""
    return MalformedRequest([Fault(location or ("body",), message, kind)])


def make_unreadable(message: str, kind: str) -> UnreadableBody:
    """Return the error of a body that cannot be parsed."""
    return UnreadableBody([Fault(("body",), message, kind)])
