"""Where a published version of Kokoro keeps what its voices need: who publishes it, who speaks."""

from pathlib import Path

MAX_PHONEMES = 510
"""That the network takes at once; a voice has a style for each number of them."""

STYLE_SIZE = 256

PACKAGES = "packages"
"""Folder of the Python packages that read the languages, as pip unpacks them."""


def style_file(version_folder: Path, voice_id: str) -> Path:
    """Return the file of a voice: float32 [MAX_PHONEMES, STYLE_SIZE]."""
    return version_folder / "styles" / f"{voice_id}.bin"
