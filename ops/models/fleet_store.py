"""Where a fleet's state is kept: a file in a folder or in an object store, beside the models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from ops.models.errors import ModelsError
from tritone.fleet import FleetState, InvalidFleetState


class FleetStore:
    """One file, and a lock beside it. Stores that speak S3 are asked to create it only once."""

    def __init__(self, url: str) -> None:
        """`url` is a path, or `s3://bucket/models/fleet.json`."""
        folder, _, self._name = url.rpartition("/")
        self._url = url
        self._store = (
            from_url(folder)
            if "://" in url
            else LocalStore(prefix=Path(folder or ".").absolute(), mkdir=True)
        )

    async def read(self) -> FleetState:
        """Return what is stated; nothing where there is no file yet.

        Raises:
            ModelsError: the store cannot be reached, or the file not be read.
        """
        try:
            found = await obstore.get_async(self._store, self._name)
            text = bytes(await found.bytes_async()).decode()
            return FleetState.from_json(text)
        except FileNotFoundError:
            return FleetState()
        except InvalidFleetState as error:
            raise ModelsError(f"{self._url}: {error}") from error
        except (BaseError, OSError, UnicodeDecodeError) as error:
            raise ModelsError(f"{self._url} cannot be read: {error}") from error

    async def write(self, state: FleetState) -> None:
        """State something else, as a whole.

        Raises:
            ModelsError: the store refuses it.
        """
        try:
            await obstore.put_async(self._store, self._name, state.to_json().encode())
        except (BaseError, OSError) as error:
            raise ModelsError(f"{self._url} cannot be written: {error}") from error

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Keep other commands from changing the fleet.

        Raises:
            ModelsError: somebody else is at it, or was killed while at it.
        """
        lock = f"{self._name}.lock"
        try:
            await obstore.put_async(self._store, lock, b"", mode="create")
        except AlreadyExistsError:
            raise ModelsError(
                f"another command is changing the fleet; if it was killed, remove {self._url}.lock"
            ) from None
        except (BaseError, OSError) as error:
            raise ModelsError(f"{self._url}.lock cannot be written: {error}") from error
        try:
            yield
        finally:
            with suppress(BaseError, OSError):
                await obstore.delete_async(self._store, lock)
