"""Makes the sounds of a list and imports them into a game: run it inside Unreal Editor.

Tools > Execute Python Script. Outside the editor it only writes the WAV files, which Unity and
Godot import by themselves from a project's folder: `python import_to_unreal.py LIST FOLDER`.
A sound that is already there is left alone; delete its file to have it made again.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

try:
    import unreal
except ImportError:
    unreal = None

URL = os.environ.get("TRITONE_URL", "http://localhost:8080")
KEY = os.environ.get("TRITONE_KEY", "none")
ASSETS = "/Game/Sounds"  # Unreal's folder


def fetch(sound: dict[str, Any]) -> bytes:
    """Return a sound of the list as WAV."""
    body = {
        "text": sound["prompt"],
        "duration_seconds": sound["seconds"],
        "loop": sound.get("loop", False),
    }
    request = urllib.request.Request(
        f"{URL}/elevenlabs/v1/sound-generation?output_format=wav_44100",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "xi-api-key": KEY},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return bytes(answer.read())


def write_missing(sounds: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Return the files of the sounds that were not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for sound in sounds:
        file = folder / f"{sound['name']}.wav"
        if not file.exists():
            file.write_bytes(fetch(sound))
            written.append(file)
    return written


def import_into_unreal(files: list[Path]) -> None:
    """Import files as SoundWave assets."""
    tasks = []
    for file in files:
        task = unreal.AssetImportTask()
        task.filename = str(file)
        task.destination_path = ASSETS
        task.automated = True
        task.replace_existing = True
        task.save = True
        tasks.append(task)
    unreal.AssetToolsHelpers.get_asset_tools().import_asset_tasks(tasks)


def main() -> None:
    """Make what is missing, and import it where there is an editor."""
    here = Path(__file__).parent
    listed = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "game_sounds.json"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else here / "Sounds"
    written = write_missing(json.loads(listed.read_text()), folder)
    if unreal is not None:
        import_into_unreal(written)
    for file in written:
        print(file)


if __name__ == "__main__":
    main()
