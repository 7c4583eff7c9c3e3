"""Lines of all processes, each with the name of the one that it comes from. stdout stays ours.

They go to stderr, or, for people who want to see the essential only, to a file.
"""

import logging
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 16 << 20  # of the file, before it is begun anew; one older file is kept

_files: list[RotatingFileHandler] = []


def show(source: str, line: str) -> None:
    """Write one line of a process; a log that cannot be written ends nothing."""
    text = f"{source:<8} | {line}"
    with suppress(OSError):  # its disk is full
        if _files:
            _files[0].emit(logging.LogRecord(source, logging.INFO, "", 0, text, None, None))
        else:
            tell(text)


def tell(line: str) -> None:
    """Write a line to stderr, wherever the others go."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        show("tritone", self.format(record))
        if _files:
            tell(record.getMessage())


def configure() -> None:
    """Show what `ops` itself logs the way its children's lines are shown."""
    logger = logging.getLogger("ops")
    logger.handlers = [_Lines()]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def write_to(path: Path) -> None:
    """Write all further lines to a file; what `ops` itself logs is told on stderr, too."""
    handler = RotatingFileHandler(
        path, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    if path.exists():
        handler.doRollover()
    for older in _files:
        older.close()
    _files[:] = [handler]
