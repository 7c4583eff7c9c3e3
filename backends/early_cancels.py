"""Cancels that came before their job: a folder that all backend processes of one Triton share.

A client's cancel goes to the denoiser. Its job may still wait for the tokenizer or the text
encoder, in processes of their own: these look here before they work for a job. Knows no Triton.
"""

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path


class EarlyCancels:
    """Job ids, each until one process has found it. Any process and thread may use it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Share with all processes that have this folder; by default: that have our parent."""
        name = f"tritone-cancels-{os.getuid()}-{os.getppid()}"
        self._folder = folder or Path(tempfile.gettempdir(), name)

    def add(self, job_id: str) -> bool:
        """Let the next process that looks for a job find its cancel; return whether that works."""
        path = self._path(job_id)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path.touch()
        except OSError:  # a full disk: the denoiser still knows it
            return False
        return True

    def pop(self, job_id: str) -> bool:
        """Return whether a job was cancelled, and forget it: a job id may be used again."""
        if not job_id:
            return False
        try:
            self._path(job_id).unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Remove the folder, unless another process still has cancels in it."""
        with suppress(OSError):
            self._folder.rmdir()

    def _path(self, job_id: str) -> Path:
        # Hashed: clients choose job ids, and may choose `../x`.
        return self._folder / sha256(job_id.encode()).hexdigest()
