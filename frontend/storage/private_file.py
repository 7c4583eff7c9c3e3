"""Writing a local file that only its owner can read, whole or not at all."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

_MODE = 0o600
_FOLDER_MODE = 0o700
# The form that obstore gives its own unfinished files: it never lists them.
_UNFINISHED = "#1"


def write_private_file(path: Path, data: bytes | BinaryIO) -> None:
    """Write a new file with mode 0600; when this returns, it survives a power cut.

    The job will say that the file exists: it must survive as the job does.

    Raises:
        OSError: the disk refuses.
    """
    path.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + _UNFINISHED)
    # The mode is given when the file is made: there is no moment in which others can open it.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
