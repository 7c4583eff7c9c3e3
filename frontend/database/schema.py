"""The schema: which migrations there are, and how whoever comes first applies them, once."""

from collections.abc import Mapping

import structlog
from procrastinate.schema import SchemaManager

from frontend.database.queries import Connection, execute, fetch, migration_files

_QUEUE_SCHEMA = "0000_procrastinate_3_10"

_log = structlog.get_logger(__name__)


def migrations() -> Mapping[str, str]:
    """Return the statements of every migration by name, the queue's schema first."""
    return {_QUEUE_SCHEMA: SchemaManager.get_schema(), **migration_files()}


async def migrate(connection: Connection) -> None:
    """Apply what is missing, in one transaction; other processes wait meanwhile."""
    async with connection.transaction():
        await execute(connection, "lift_timeouts")  # a large table takes its time
        await execute(connection, "lock_migrations")
        await execute(connection, "create_migrations")
        applied = {row["name"] for row in await fetch(connection, "applied_migrations")}
        for name, statements in migrations().items():
            if name not in applied:
                # Without parameters, so that psycopg leaves the percent signs alone.
                await connection.execute(statements.encode())
                await execute(connection, "record_migration", name=name)
                _log.info("migrated the job database", migration=name)
