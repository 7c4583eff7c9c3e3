"""Checks of a request that planners of all tasks make. Fields are named in our words."""

import math
import re

from frontend.errors import InvalidRequest, RequestTooLarge

_SURROGATE = re.compile("[\ud800-\udfff]")


def check_text(field: str, text: str, max_chars: int) -> None:
    """Return if a text can travel.

    Raises:
        RequestTooLarge: it is too long.
        InvalidRequest: it has lone surrogates or NUL.
    """
    if len(text) > max_chars:
        raise RequestTooLarge(
            f"The text must have at most {max_chars} characters.", field=field, kind="too_long"
        )
    if _SURROGATE.search(text):
        raise InvalidRequest(
            "The text must be valid Unicode, without lone surrogates.",
            field=field,
            kind="not_unicode",
        )
    if "\0" in text:
        raise InvalidRequest("The text must not contain NUL characters.", field=field)


def check_range(field: str, value: float | None, least: float, most: float) -> None:
    """Return if a number is within its bounds, both included; None is allowed.

    Raises:
        InvalidRequest: it is not, or no number.
    """
    if value is None:
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest("The value must be a finite number.", field=field, kind="not_finite")
    if value < least:
        raise InvalidRequest(
            f"The value must be at least {least}.", field=field, kind="below_minimum"
        )
    if value > most:
        raise InvalidRequest(
            f"The value must be at most {most}.", field=field, kind="above_maximum"
        )
