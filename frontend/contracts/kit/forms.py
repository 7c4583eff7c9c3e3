"""Bodies that are forms, urlencoded or multipart. All values of a form are strings."""

from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from frontend.contracts.kit.body import (
    Model,
    make_body_error,
    make_unreadable,
    read_body,
    read_raw,
    validate,
)

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MAX_FIELDS = 50

Fields = dict[str, str]


async def read_json_or_form(request: Request, model: type[Model]) -> Model:
    """Return the body of a request as a model, whichever of the three encodings it has.

    Raises:
        MalformedRequest: not parseable, or not what the model says.
        ClientGone: the client left before its body was complete.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == URLENCODED:
        fields = _parse_urlencoded(await read_raw(request))
    elif media_type == MULTIPART:
        fields, _ = await _parse_multipart(request)
    else:
        return await read_body(request, model)
    # An empty input is how a form leaves out a field, required ones included.
    given = {name: text for name, text in fields.items() if text}
    return validate(model, given, "body", strict=False)


async def read_form_with_file(
    request: Request, model: type[Model], name: str
) -> tuple[Model, bytes | None]:
    """Return the fields of a multipart form as a model, and the file of a name if there is one.

    Raises:
        MalformedRequest: not parseable, or not what the model says.
        ClientGone: the client left before its body was complete.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART:
        raise make_body_error(f"Content-Type should be {MULTIPART}", "content_type")
    fields, file = await _parse_multipart(request, name)
    given = {each: text for each, text in fields.items() if text}
    return validate(model, given, "body", strict=False), file


def _parse_urlencoded(raw: bytes) -> Fields:
    try:
        return dict(parse_qsl(raw.decode(), max_num_fields=MAX_FIELDS))
    except UnicodeDecodeError:
        raise make_unreadable("The body should be UTF-8", "form_invalid") from None
    except ValueError:
        raise make_body_error(
            f"The form should have at most {MAX_FIELDS} fields", "too_long"
        ) from None


async def _parse_multipart(
    request: Request, file_name: str | None = None
) -> tuple[Fields, bytes | None]:
    await read_raw(request)  # so that the parser below reads from memory
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=MAX_FIELDS, max_fields=MAX_FIELDS
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise make_unreadable(f"The form is broken: {error.message}", "form_invalid") from None
    except (UnicodeError, LookupError):  # an unknown charset
        raise make_unreadable("The form should be UTF-8", "form_invalid") from None
    fields = {name: text for name, text in form.items() if isinstance(text, str)}
    upload = form.get(file_name or "")
    file = await upload.read() if isinstance(upload, UploadFile) else None
    await form.close()  # deletes uploaded files
    return fields, file
