"""Lines of all processes, each with the name of the one that it comes from. stdout stays ours.

They go to stderr, where a terminal shows JSON as words, or, for people who want to see the
essential only, to a file. Until the stack is ready such people see a line of progress, which is
written over, on a terminal; then the warnings.
"""

import json
import logging
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 16 << 20  # of the file, before it is begun anew; one older file is kept

_files: list[RotatingFileHandler] = []
_OVERWRITE = "\r\x1b[2K"  # to the beginning of the line, and clear it


class _Start:
    """Whether the stack still starts, and whether a line of progress is on the screen."""

    is_under_way = False
    is_shown = False


def end_start() -> None:
    """Take the line of progress away; from now on, what `ops` itself logs is told in lines."""
    _Start.is_under_way = False
    if _Start.is_shown:
        _Start.is_shown = False
        with suppress(OSError):
            sys.stderr.write(_OVERWRITE)
            sys.stderr.flush()


def show(source: str, line: str) -> None:
    """Write one line of a process; a log that cannot be written ends nothing."""
    with suppress(OSError):  # its disk is full
        if _files:
            text = f"{source:<8} | {line}"
            _files[0].emit(logging.LogRecord(source, logging.INFO, "", 0, text, None, None))
        else:
            tell(f"{source:<8} | {_in_words(line) if sys.stderr.isatty() else line}")


def _in_words(line: str) -> str:
    """Return a line of JSON, which is for machines, as `time level event key=value …`."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line
    if not isinstance(fields, dict):
        return line
    time = str(fields.pop("timestamp", ""))[11:19]  # of 2026-11-29T09:15:01.625073Z
    first = (time, fields.pop("level", ""), fields.pop("event", ""))
    rest = (f"{name}={value}" for name, value in fields.items() if name != "logger")
    return " ".join(str(word) for word in (*first, *rest) if word != "")


def tell(line: str) -> None:
    """Write a line to stderr, wherever the others go."""
    overwrite, _Start.is_shown = _OVERWRITE if _Start.is_shown else "", False
    with suppress(OSError):
        sys.stderr.write(f"{overwrite}{line}\n")
        sys.stderr.flush()


def tell_progress(line: str) -> None:
    """Show what is being done, over what was shown before; nobody reads it but on a terminal."""
    if sys.stderr.isatty():
        _Start.is_shown = True
        with suppress(OSError):
            sys.stderr.write(f"{_OVERWRITE}{line} …")
            sys.stderr.flush()


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        show("tritone", self.format(record))
        if not _files:
            return
        is_progress = _Start.is_under_way and record.levelno < logging.WARNING
        (tell_progress if is_progress else tell)(record.getMessage())


def configure() -> None:
    """Show what `ops` itself logs the way its children's lines are shown."""
    logger = logging.getLogger("ops")
    logger.handlers = [_Lines()]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def write_to(path: Path) -> None:
    """Write all further lines to a file; what `ops` itself logs is told on stderr, too.

    Until `end_start` its news is progress, and only its warnings are told.
    """
    _Start.is_under_way = True
    handler = RotatingFileHandler(
        path, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    if path.exists():
        handler.doRollover()
    for older in _files:
        older.close()
    _files[:] = [handler]
