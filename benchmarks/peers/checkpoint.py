"""The diffusers checkpoint that the peers serve, and the same weights in our repository."""

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.progress import say
from starter.recipe import RECIPE
from starter.restore import NotRestored, restore
from tritone.card import CARD_PARAMETER, ModelCard, read_card
from tritone.noise import SEQUENCE

DEFAULT = Path("work/starter/checkpoint")
BUNDLED = Path("model_repository")
EXPORTED = Path("work/benchmarks/models")
EVERY_STEP_GUIDED = Path("work/benchmarks/every_step_guided")
MODEL = "starter"
_ROUNDING = 1e-6


class NoCheckpoint(RuntimeError):
    """There is nothing for the peers to serve; the message is one line that says what to do."""


def require(checkpoint: Path) -> Path:
    """Return the folder; the bundled starter's own is restored where it is missing.

    Raises:
        NoCheckpoint: it is no diffusers pipeline.
    """
    if (checkpoint / "model_index.json").is_file():
        return checkpoint
    if checkpoint != DEFAULT:
        raise NoCheckpoint(
            f"{checkpoint} holds no diffusers checkpoint: name any StableAudioPipeline's folder "
            "with --checkpoint, or none for the bundled starter's"
        )
    say(f"restoring the bundled starter to {checkpoint}")
    try:
        restore(BUNDLED, MODEL, checkpoint, RECIPE)
    except NotRestored as error:
        raise NoCheckpoint(str(error)) from error
    return checkpoint


def repository_of(checkpoint: Path) -> Path:
    """Return a repository of exactly these weights; where there is none they are exported."""
    digests = source_digests(checkpoint)
    exported = EXPORTED / hashlib.sha256(json.dumps(digests).encode()).hexdigest()[:12]
    for repository in (BUNDLED, exported):
        if published_digests(repository) == digests:
            return repository
    say(f"exporting {checkpoint} to {exported}")
    exported.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", MODEL]
    subprocess.run([*command, "--repository", str(exported)], check=True)
    return exported


def guide_every_step(repository: Path, target: Path) -> Path:
    """Return a copy of a repository that guides every step, as the peers do: the same work.

    Its noise is drawn in sequence, as theirs is.

    Its files are links, except for the configurations that carry the card.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(repository, target, copy_function=os.link)
    for path in target.glob("*/config.pbtxt"):
        text = path.read_text(encoding="utf-8")
        if card := read_card(text):
            levels = replace(card.schedule, guidance_min_sigma=0.0, guidance_max_sigma=None)
            changed = replace(card, schedule=levels, noise=SEQUENCE)
            path.unlink()  # a link: the original stays as it is
            path.write_text(_replace_card(text, changed), encoding="utf-8")
    return target


def _replace_card(config: str, card: ModelCard) -> str:
    """Return a `config.pbtxt` with another card."""
    quoted = card.to_json().replace('"', '\\"')
    pattern = rf'("{CARD_PARAMETER}" value {{ string_value: ")(?:[^"\\]|\\.)*'
    return re.sub(pattern, lambda found: found[1] + quoted, config)


def source_digests(checkpoint: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of weights, by its path in the checkpoint."""
    return {
        str(path.relative_to(checkpoint)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(checkpoint.rglob("*.safetensors"))
    }


def published_digests(repository: Path) -> dict[str, str] | None:
    """Return what the newest version in a repository was made of; None: there is none."""
    versions = [path for path in (repository / MODEL).glob("[0-9]*") if path.name.isdigit()]
    if not versions:
        return None
    newest = max(versions, key=lambda path: int(path.name))
    files = json.loads((newest / "manifest.json").read_text())["source_files"]
    return {path: sha for path, sha in files.items() if path.endswith(".safetensors")}


def whole_frames_s(repository: Path, seconds: float) -> float:
    """Return the least length in s, from `seconds` on, of which our frames are no more than asked.

    Ours rounds latent frames up to whole buckets; another number of frames is other noise.
    """
    card = read_card((repository / MODEL / "config.pbtxt").read_text(encoding="utf-8"))
    if card is None:
        raise NoCheckpoint(f"{repository}/{MODEL} carries no card: export it again")
    bucket_s = card.frame_bucket * card.samples_per_frame / card.sample_rate
    return math.ceil(seconds / bucket_s - _ROUNDING) * bucket_s


def window_s(checkpoint: Path) -> float:
    """Return the length in s of the window that the checkpoint was trained on."""
    transformer = json.loads((checkpoint / "transformer/config.json").read_text())
    vae = json.loads((checkpoint / "vae/config.json").read_text())
    samples_per_frame: int = math.prod(vae["downsampling_ratios"])
    return float(transformer["sample_size"] * samples_per_frame / vae["sampling_rate"])
