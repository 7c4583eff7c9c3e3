"""A request body from bytes to a checked model, whatever bytes a client sends.

FastAPI's own handling echoes what it refuses, and answers 500 when that is NaN or a lone surrogate.
Nothing here repeats the input.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect

from frontend.errors import InvalidKind, InvalidRequest
from frontend.http.disconnect import ClientGone

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
"""Our words for what is wrong, as the contracts that speak pydantic's say them."""


class MalformedRequest(InvalidRequest):
    """The request does not fit the contract's schema; names every fault, at least one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Speak for all faults, and bear the name of the first."""
        super().__init__(
            "; ".join(_sentence(fault) for fault in faults),
            field=_field(faults[0]),
            kind="malformed",
        )
        self.faults = tuple(faults)


class UnreadableBody(MalformedRequest):
    """The body cannot be parsed at all."""


def _field(fault: Fault) -> str | None:
    return next((part for part in fault.location[1:] if isinstance(part, str)), None)


def _sentence(fault: Fault) -> str:
    field = _field(fault)
    return fault.message if field is None else f"{field}: {fault.message}"


class StrictBody(BaseModel):
    """A body that takes no "5" for a number and no 1.0 for an integer; skips unknown keys."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def _usable(text: str) -> str:
    # JSON can escape what UTF-8 cannot say; no tokenizer, protobuf or log would take it.
    if _UNUSABLE.search(text):
        raise PydanticCustomError(
            "string_unicode", "Input should be valid Unicode without NUL characters"
        )
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("string_too_short", "Input should not be blank")
    return text


Text = Annotated[str, AfterValidator(_usable)]
Name = Annotated[str, Field(min_length=1), AfterValidator(_usable)]
Prompt = Annotated[Name, AfterValidator(_not_blank)]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""An integer that may be written 100.0, as by clients whose documents said "number"."""

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, model: type[Body]) -> Body:
    """Return the body of a request as a model.

    Raises:
        MalformedRequest: not JSON, not an object, or not what the model says.
        ClientGone: the client left before its body was complete.
    """
    return checked(model, await read_object(request), "body")


async def read_object(request: Request) -> JsonObject:
    """Return the body of a request as a JSON object; it may be read again.

    Raises:
        MalformedRequest: not JSON, or not an object.
        ClientGone: the client left before its body was complete.
    """
    return parse_object(await read_raw(request), request.headers.get("content-type"))


async def read_raw(request: Request) -> bytes:
    """Return the bytes of a body; they may be read again.

    Raises:
        ClientGone: the client left before its body was complete.
    """
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
        raise refused("Field required", "missing")
    if not _is_json(content_type):
        raise refused("Content-Type should be application/json", "content_type")
    content = _parsed(raw)
    if not isinstance(content, dict):
        raise refused("Input should be a valid dictionary or object", "dict_type")
    return content


def checked(
    model: type[Body], content: Mapping[str, Any], where: str, *, strict: bool | None = None
) -> Body:
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


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise unreadable("The body should be UTF-8", "json_invalid") from None
    except json.JSONDecodeError as error:
        message = f"JSON decode error: {error.msg}"
        raise UnreadableBody([Fault(("body", error.pos), message, "json_invalid")]) from None
    except RecursionError:
        raise unreadable("The body is nested too deeply", "recursion_loop") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise unreadable("A number in the body has too many digits", "json_invalid") from None


def _refuse_constant(name: str) -> Callable[[], float]:
    # Python's parser takes NaN and Infinity, which JSON does not have.
    raise unreadable(f"JSON decode error: {name} is not a JSON value", "json_invalid")


def refused(message: str, kind: str) -> MalformedRequest:
    """Return the error of a body as a whole."""
    return MalformedRequest([Fault(("body",), message, kind)])


def unreadable(message: str, kind: str) -> UnreadableBody:
    """Return the error of a body that cannot be parsed."""
    return UnreadableBody([Fault(("body",), message, kind)])
