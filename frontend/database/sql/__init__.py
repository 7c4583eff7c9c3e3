"""The text of every query, by name, and the migrations, in order."""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent
_NAMED = re.compile(
    r"^-- name: (?P<name>\w+)\n(?:--[^\n]*\n)+(?P<query>.*?)(?=^-- name: |\Z)",
    re.DOTALL | re.MULTILINE,
)


@cache
def queries() -> dict[str, LiteralString]:
    """Return the queries of `queries.sql` by name."""
    text = (_FOLDER / "queries.sql").read_text(encoding="utf-8")
    # The file is part of this package: as trustworthy as a literal.
    return {found["name"]: found["query"].strip() for found in _NAMED.finditer(text)}


def migrations() -> dict[str, LiteralString]:
    """Return the statements of every migration, by name, oldest first."""
    files = sorted((_FOLDER / "migrations").glob("*.sql"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files}
