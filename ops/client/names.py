"""How files are named: after what is in them, or as the command line says."""

import re
from contextlib import suppress
from pathlib import Path

from ops.client.errors import ClientError
from ops.client.job import Made

_MAX_WORDS_CHARS = 40
_DEFAULT_FORMAT = "wav"


def choose_format(wanted: str | None, output: Path | None) -> str:
    """Return the format that is named, or the one of the file's ending; the server knows which."""
    suffix = output.suffix[1:].lower() if output is not None else ""
    return wanted or {"ogg": "opus", "wave": "wav"}.get(suffix, suffix) or _DEFAULT_FORMAT


def choose_path(made: Made, words: str, output: Path | None, *, is_one_of_many: bool) -> Path:
    """Return where a file goes: `rain-on-a-tin-roof_seed42_5s.wav`, or what was asked for.

    Of many, each has its seed in its name; a folder gets files that are named after the words.
    """
    if output is None or output.is_dir():
        length = f"{round(made.seconds, 1):g}s"
        suffix = Path(made.file_name).suffix
        return (output or Path()) / f"{_slug(words)}_seed{made.seed}_{length}{suffix}"
    if is_one_of_many:
        return output.with_name(f"{output.stem}_seed{made.seed}{output.suffix}")
    return output


def require_folder(output: Path | None) -> None:
    """Look where the file shall go, before it is made in vain.

    Raises:
        ClientError: there is no such folder.
    """
    if output is not None and not output.parent.is_dir():
        raise ClientError(f"there is no folder {output.parent}; make it, or name another with -o")


def write(path: Path, audio: bytes) -> None:
    """Write a file whole, or not at all.

    Raises:
        ClientError: the folder is not there, or closed to us.
    """
    fresh = path.with_name(f".{path.name}.part")
    try:
        fresh.write_bytes(audio)
        fresh.rename(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise ClientError(
            f"{path} cannot be written ({error.strerror}); name another file with -o"
        ) from error


def _slug(words: str) -> str:
    """Return words as a part of a file's name, at most so long, cut between words."""
    whole = "-".join(re.findall(r"\w+", words.lower()))
    if len(whole) <= _MAX_WORDS_CHARS:
        return whole or "sound"
    head = whole[: _MAX_WORDS_CHARS + 1].rpartition("-")[0]
    return head or whole[:_MAX_WORDS_CHARS]
