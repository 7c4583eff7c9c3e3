"""Lines on stderr, each with the name of the process that it comes from. stdout stays ours."""

import logging
import sys
from contextlib import suppress


def show(source: str, line: str) -> None:
    """Write one line of a process; a log that cannot be written ends nothing."""
    with suppress(OSError):  # its disk is full
        sys.stderr.write(f"{source:<8} | {line}\n")
        sys.stderr.flush()


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        show("tritone", self.format(record))


def configure() -> None:
    """Show what `ops` itself logs the way its children's lines are shown."""
    logger = logging.getLogger("ops")
    logger.handlers = [_Lines()]
    logger.setLevel(logging.INFO)
    logger.propagate = False
