"""The SQL of the product, by name: one file per subject in `sql/`, and how to run it."""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]
Row = DictRow

_FOLDER = Path(__file__).parent / "sql"
_NAMED = re.compile(
    r"^-- name: (?P<name>\w+)\n(?:--[^\n]*\n)+(?P<query>.*?)(?=^-- name: |\Z)",
    re.DOTALL | re.MULTILINE,
)


@cache
def queries() -> dict[str, LiteralString]:
    """Return every query by its name, which is its own among all files."""
    found: dict[str, LiteralString] = {}
    for file in sorted(_FOLDER.glob("*.sql")):
        for each in _NAMED.finditer(file.read_text(encoding="utf-8")):
            if each["name"] in found:
                raise ValueError(f"two queries are called {each['name']}")
            # The files are part of this package: as trustworthy as a literal.
            found[each["name"]] = each["query"].strip()
    return found


def migration_files() -> dict[str, LiteralString]:
    """Return the statements of our own migrations, by name, oldest first."""
    files = sorted((_FOLDER / "migrations").glob("*.sql"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


async def fetch(connection: Connection, name: str, /, **values: object) -> list[Row]:
    """Return the rows of a query of ours; none where it gives no rows at all."""
    cursor = await connection.execute(queries()[name], values)
    return await cursor.fetchall() if cursor.description is not None else []


async def fetch_one(connection: Connection, name: str, /, **values: object) -> Row | None:
    """Return the first row of a query of ours, or None."""
    cursor = await connection.execute(queries()[name], values)
    return await cursor.fetchone()


async def execute(connection: Connection, name: str, /, **values: object) -> None:
    """Run a query of ours that gives no rows."""
    await connection.execute(queries()[name], values)
