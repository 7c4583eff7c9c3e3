"""The part of a file that is asked for. Source: RFC 9110, section 14 (read 2026-11-21)."""

import re
from dataclasses import dataclass

from frontend.errors import FrontendError

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class UnsatisfiableRange(FrontendError):
    """The part lies outside the file."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes [start, end) of a file."""

    start: int
    end: int

    @property
    def n_bytes(self) -> int:
        """Length."""
        return self.end - self.start


def parse_range(text: str | None, n_bytes: int) -> ByteRange | None:
    """Return what a `Range` header asks of a file, or None: the whole.

    Several ranges, other units and malformed values ask for the whole, as the RFC allows.

    Raises:
        UnsatisfiableRange: there is no such part.
    """
    found = _ONE_RANGE.fullmatch(text.strip()) if text else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        asked = ByteRange(max(0, n_bytes - int(last)), n_bytes)
    else:
        asked = ByteRange(int(first), min(n_bytes, int(last) + 1) if last else n_bytes)
        if last and int(last) < int(first):
            return None
    if asked.start >= n_bytes or asked.n_bytes <= 0:
        raise UnsatisfiableRange(f"the file has {n_bytes} bytes")
    return asked
