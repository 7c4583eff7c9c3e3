"""Stored files as answers: one as it is, several in a zip."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_STORED, ZipFile

from fastapi import Response
from fastapi.responses import StreamingResponse

from frontend.errors import JobNotFound
from frontend.jobs.model import JobFile
from frontend.storage.files import FileNotFound, FileStore

_IN_MEMORY_BYTES = 8 * 1024 * 1024  # of a zip; what is over it waits on disk
_CHUNK_BYTES = 256 * 1024

Spool = SpooledTemporaryFile[bytes]


async def file_response(files: FileStore, file: JobFile, headers: Mapping[str, str]) -> Response:
    """Return an answer that sends a file.

    Raises:
        JobNotFound: it is deleted already.
    """
    try:
        info = await files.head(file.key)
    except FileNotFound:
        raise _gone() from None
    own = {"content-type": file.media_type, "content-length": str(info.n_bytes)}
    return StreamingResponse(files.read(file.key), headers={**headers, **own})


async def zip_response(files: FileStore, chosen: Mapping[str, JobFile]) -> Response:
    """Return an answer that sends files in a zip, named by the keys of `chosen`.

    Raises:
        JobNotFound: one of them is deleted already.
    """
    spool: Spool = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 -- closed when sent
    try:
        with ZipFile(spool, "w", ZIP_STORED) as archive:
            for name, file in chosen.items():
                suffix = PurePosixPath(file.key).suffix
                audio = await _read(files, file)
                await asyncio.to_thread(archive.writestr, f"{name}{suffix}", audio)
    except BaseException:
        spool.close()
        raise
    return StreamingResponse(
        _sent(spool),
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="history.zip"'},
    )


async def _read(files: FileStore, file: JobFile) -> bytes:
    try:
        return b"".join([piece async for piece in files.read(file.key)])
    except FileNotFound:
        raise _gone() from None


async def _sent(spool: Spool) -> AsyncIterator[bytes]:
    with spool:
        spool.seek(0)
        while chunk := await asyncio.to_thread(spool.read, _CHUNK_BYTES):
            yield chunk


def _gone() -> JobNotFound:
    return JobNotFound("The sound is deleted already.")
