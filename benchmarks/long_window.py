"""The starter with a window as long as Stable Audio Open's, to see what a long sound costs.

The same weights and so the same work for each frame; how it sounds past the window that it was
trained on is another question, which no cost depends on.
"""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.checkpoint import BUNDLED, MODEL
from benchmarks.progress import say
from starter.recipe import RECIPE
from starter.restore import restore

WINDOW_S = 47.55  # Stable Audio Open 1.0: 1024 frames of 2048 samples at 44.1 kHz
_FOLDER = Path("work/benchmarks/long_window")


def long_window() -> Path:
    """Return its repository, exported anew: a minute."""
    say(f"exporting the starter with a window of {WINDOW_S:g} s")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    checkpoint, repository = _FOLDER / "checkpoint", _FOLDER / "models"
    _FOLDER.mkdir(parents=True)
    restore(BUNDLED, MODEL, checkpoint, RECIPE)
    path = checkpoint / "transformer" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    frame_s = RECIPE.latent.hop_samples / RECIPE.audio.sample_rate_hz
    config["sample_size"] = math.ceil(WINDOW_S / frame_s)
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", MODEL]
    subprocess.run([*command, "--repository", str(repository)], check=True)
    return repository
