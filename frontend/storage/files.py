"""The store of finished files: a local folder, or S3, Google Cloud or Azure by URL.

The rest sees six verbs. Names are made here and checked before every use; no client chooses one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError, GenericError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store, from_url

from frontend.audio.formats import FORMATS
from frontend.errors import BackendUnavailable, FileNotFound
from frontend.storage.names import (
    InvalidKey,
    check_key,
    find_end_of_day,
    get_extension,
    new_key,
)
from frontend.storage.private_file import write_private_file
from frontend.storage.ranges import ByteRange
from frontend.storage.settings import StorageSettings
from frontend.storage.tokens import sign, verify

FILES_PATH = "/files"
"""Where the frontend serves the tokens of `url`."""

_MEDIA_TYPES = {row.extension: row.media_type for row in FORMATS.values()}
_CHUNK_BYTES = 256 * 1024
_DISK_THREADS = 4
_DEFAULT_URL = "http://127.0.0.1:8080"  # of a job whose client named no host

Clock = Callable[[], datetime]
_Signing = AzureStore | GCSStore | S3Store


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What is known of a file without reading it."""

    n_bytes: int
    media_type: str
    modified_at: datetime
    e_tag: str | None


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class FileStore:
    """Files that are written once, whole or not at all."""

    def __init__(self, settings: StorageSettings, secret: bytes, clock: Clock = utc_now) -> None:
        """Make the folder where there is none; `secret` signs the links to a local store."""
        self._settings = settings
        self._secret = secret
        self._clock = clock
        # Its own threads: a slow disk must not delay what else waits for a thread.
        self._disk = ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk")
        self._folder = None if "://" in settings.url else Path(settings.url).absolute()
        self._store = (
            from_url(settings.url)
            if self._folder is None
            else LocalStore(prefix=self._folder, mkdir=True)
        )

    async def put(self, data: bytes | BinaryIO, extension: str) -> str:
        """Keep bytes, or a file from where it stands, and return the name they got.

        A file is read piece by piece: it may be longer than memory.

        Raises:
            BackendUnavailable: the store refuses or cannot be reached.
        """
        key = new_key(extension, self._clock())
        try:
            if self._folder is None:
                # The name is new: `create` would only rule out uploads in several parts.
                attributes = {"Content-Type": _media_type(key)}
                await obstore.put_async(self._store, key, data, attributes=attributes)
            else:
                write = partial(write_private_file, self._folder / key, data)
                await asyncio.get_running_loop().run_in_executor(self._disk, write)
        except (BaseError, OSError) as error:
            raise BackendUnavailable("The sound could not be stored; try again later.") from error
        return key

    async def head(self, key: str) -> FileInfo:
        """Return what is known of a file.

        Raises:
            FileNotFound: there is none.
        """
        try:
            meta = await obstore.head_async(self._store, check_key(key))
        except FileNotFoundError as error:
            raise FileNotFound("no such file") from error
        return FileInfo(
            n_bytes=meta["size"],
            media_type=_media_type(key),
            modified_at=meta["last_modified"],
            e_tag=meta["e_tag"],
        )

    async def read(self, key: str, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it, in pieces.

        Raises:
            FileNotFound: there is none.
        """
        options: obstore.GetOptions = {"range": (part.start, part.end)} if part else {}
        try:
            found = await obstore.get_async(self._store, check_key(key), options=options)
        except FileNotFoundError as error:
            raise FileNotFound("no such file") from error
        async for piece in found.stream(_CHUNK_BYTES):
            yield bytes(piece)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete files; those that are gone already do not matter."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, check_key(key))
            except (FileNotFoundError, GenericError, InvalidKey):
                continue

    async def delete_days_before(self, moment: datetime) -> int:
        """Delete all files of the UTC days that were over then, also what no job knows.

        Returns how many. Younger days are not listed, however many files they have.
        """
        n_deleted = 0
        for folder in await self._folders():
            end = find_end_of_day(folder)
            if end is not None and end <= moment:
                n_deleted += await self._delete_day(folder)
        return n_deleted

    async def _folders(self) -> list[str]:
        folders = [""]
        for _ in ("year", "month", "day"):
            found = [await obstore.list_with_delimiter_async(self._store, f) for f in folders]
            folders = [folder for each in found for folder in each["common_prefixes"]]
        return folders

    async def _delete_day(self, day: str) -> int:
        n_deleted = 0
        async for metas in obstore.list(self._store, day):
            await self.delete([meta["path"] for meta in metas])
            n_deleted += len(metas)
        return n_deleted

    async def url(self, key: str, base_url: str | None = None) -> str:
        """Return a link that works for `storage.url_lifetime_s`, for whoever has it.

        `base_url` is where the client reached us; the public URL of the settings is preferred.
        """
        lifetime = timedelta(seconds=self._settings.url_lifetime_s)
        if isinstance(self._store, _Signing):
            return await obstore.sign_async(self._store, "GET", check_key(key), lifetime)
        token = sign(key, self._clock() + lifetime, self._secret)
        address = self._settings.public_url or base_url or _DEFAULT_URL
        return f"{address.rstrip('/')}{FILES_PATH}/{token}"

    def key_of(self, token: str) -> str:
        """Return the name of the file that a link of ours stands for.

        Raises:
            InvalidToken: it was not made by us, was changed, or is expired.
        """
        return verify(token, self._clock(), self._secret)


def _media_type(key: str) -> str:
    return _MEDIA_TYPES.get(get_extension(key), "application/octet-stream")
