"""Where pronunciation dictionaries are kept: the only reader and writer of their rows."""

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

from frontend.database.database import Database, Work
from frontend.database.queries import Connection, Row, execute, fetch, fetch_one
from frontend.errors import BackendUnavailable, InvalidRequest
from frontend.speech.dictionaries.rules import Rule, Rules

MAX_DICTIONARIES = 1000  # of an owner
MAX_VERSIONS = 100  # of a dictionary; older ones are forgotten
_ID_CHARACTERS = 20

T = TypeVar("T")


class DictionaryNotFound(InvalidRequest):
    """No dictionary or version of this id and owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """A dictionary with one of its versions."""

    id: str
    owner: str
    name: str
    description: str | None
    created_at: datetime
    archived_at: datetime | None
    version_id: str
    n_rules: int
    rules: Rules = ()  # empty in lists


class DictionaryStore:
    """Dictionaries in PostgreSQL. Every method raises BackendUnavailable when it is away."""

    def __init__(self, database: Database) -> None:
        """The database is opened and closed by whoever made it."""
        self._database = database

    async def _run(self, work: Work[T]) -> T:
        try:
            return await self._database.run(work)
        except BackendUnavailable as error:
            raise BackendUnavailable(
                "Pronunciation dictionaries cannot be looked up right now; try again later."
            ) from error

    async def create(
        self, owner: str, name: str, description: str | None, rules: Rules
    ) -> Dictionary:
        """Keep a new dictionary with its first version.

        Raises:
            InvalidRequest: the owner has too many.
        """
        dictionary_id, version_id = _new_id(), _new_id()

        async def work(connection: Connection) -> Row | None:
            async with connection.transaction():
                values = {"id": dictionary_id, "owner": owner}
                about = {"name": name, "description": description}
                await execute(
                    connection, "insert_dictionary", **values, **about, limit=MAX_DICTIONARIES
                )
                if await fetch_one(connection, "lock_dictionary", **values) is None:
                    return None
                await _insert_version(connection, dictionary_id, version_id, rules)
                return await fetch_one(connection, "find_dictionary", **values, version_id=None)

        row = await self._run(work)
        if row is None:
            raise InvalidRequest(f"There may be {MAX_DICTIONARIES} pronunciation dictionaries.")
        return _to_dictionary(row)

    async def find(self, owner: str, dictionary_id: str, version_id: str | None) -> Dictionary:
        """Return a dictionary with the rules of a version; None: its latest.

        Raises:
            DictionaryNotFound: there is none of this owner, or no such version.
        """

        async def work(connection: Connection) -> Row | None:
            values = {"id": dictionary_id, "owner": owner, "version_id": version_id}
            return await fetch_one(connection, "find_dictionary", **values)

        return _to_dictionary(_require(await self._run(work), dictionary_id))

    async def list(self, owner: str) -> list[Dictionary]:
        """Return an owner's dictionaries without their rules, the newest first."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, "list_dictionaries", owner=owner)

        return [_to_dictionary(row) for row in await self._run(work)]

    async def change_rules(
        self, owner: str, dictionary_id: str, change: Callable[[Rules], Rules]
    ) -> Dictionary:
        """Return a dictionary with a new version of its rules.

        Raises:
            DictionaryNotFound: there is none of this owner.
        """
        version_id = _new_id()
        values = {"id": dictionary_id, "owner": owner}

        async def work(connection: Connection) -> Row | None:
            async with connection.transaction():
                await fetch(connection, "lock_dictionary", **values)
                row = await fetch_one(connection, "find_dictionary", **values, version_id=None)
                if row is None or row["version_id"] == version_id:  # written, but unheard
                    return row
                rules = change(_to_dictionary(row).rules)
                await _insert_version(connection, dictionary_id, version_id, rules)
                return await fetch_one(
                    connection, "find_dictionary", **values, version_id=version_id
                )

        return _to_dictionary(_require(await self._run(work), dictionary_id))

    async def update(
        self, owner: str, dictionary_id: str, *, name: str | None, archived: bool | None
    ) -> Dictionary:
        """Rename or archive a dictionary; None leaves it as it is.

        Raises:
            DictionaryNotFound: there is none of this owner.
        """

        async def work(connection: Connection) -> None:
            values = {"id": dictionary_id, "owner": owner, "name": name, "archived": archived}
            await fetch(connection, "update_dictionary", **values)

        await self._run(work)
        return await self.find(owner, dictionary_id, None)


async def _insert_version(
    connection: Connection, dictionary_id: str, version_id: str, rules: Rules
) -> None:
    content = json.dumps([asdict(rule) for rule in rules])
    values = {"id": dictionary_id, "version_id": version_id, "rules": content}
    await execute(connection, "insert_dictionary_version", **values, n_rules=len(rules))
    await execute(connection, "forget_old_versions", id=dictionary_id, limit=MAX_VERSIONS)


def _new_id() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(_ID_CHARACTERS))


def _require(row: Row | None, dictionary_id: str) -> Row:
    if row is None:
        raise DictionaryNotFound(
            f"There is no pronunciation dictionary `{dictionary_id}`, or no such version of it.",
            field="pronunciation_dictionary_id",
        )
    return row


def _to_dictionary(row: Row) -> Dictionary:
    rules = tuple(Rule(**each) for each in row.get("rules", ()))
    return Dictionary(**{**row, "rules": rules})
