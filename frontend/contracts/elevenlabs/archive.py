"""Several stored files in a zip."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_STORED, ZipFile

from fastapi import Response
from fastapi.responses import StreamingResponse

from frontend.jobs.model import JobFile
from frontend.storage.files import FileStore

_IN_MEMORY_BYTES = 8 * 1024 * 1024  # a larger zip waits on disk
_CHUNK_BYTES = 256 * 1024

Spool = SpooledTemporaryFile[bytes]


async def send_zip(files: FileStore, chosen: Mapping[str, JobFile]) -> Response:
    """Return an answer that sends files in a zip, named by the keys of `chosen`.

    Raises:
        FileNotFound: one of them is deleted already.
    """
    spool: Spool = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 -- closed when sent
    try:
        with ZipFile(spool, "w", ZIP_STORED) as archive:
            for name, file in chosen.items():
                suffix = PurePosixPath(file.key).suffix
                audio = b"".join([piece async for piece in files.read(file.key)])
                await asyncio.to_thread(archive.writestr, f"{name}{suffix}", audio)
    except BaseException:
        spool.close()
        raise
    return StreamingResponse(
        _read_out(spool),
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="history.zip"'},
    )


async def _read_out(spool: Spool) -> AsyncIterator[bytes]:
    with spool:
        spool.seek(0)
        while chunk := await asyncio.to_thread(spool.read, _CHUNK_BYTES):
            yield chunk
