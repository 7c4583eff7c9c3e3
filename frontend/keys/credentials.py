"""The key of a request, wherever its client puts it."""

from collections.abc import Mapping

_KEY_HEADERS = ("xi-api-key", "x-api-key")
_SCHEME = "bearer "


def find_presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the key in the headers (names in lower case); None: there is none.

    Every form is taken on every path: `xi-api-key: k`, `x-api-key: k`, `Authorization: Bearer k`
    and `Authorization: k`, in this order, because a proxy may add an `Authorization` of its own.
    """
    for name in _KEY_HEADERS:
        key = headers.get(name, "").strip()
        if key:
            return key
    authorization = headers.get("authorization", "").strip()
    # The server strips a value's end: a scheme without a key arrives without its space.
    if f"{authorization} ".lower() == _SCHEME:
        return None
    if authorization.lower().startswith(_SCHEME):
        authorization = authorization[len(_SCHEME) :].strip()
    return authorization or None
