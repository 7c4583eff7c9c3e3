"""Writes the default voice as a model repository of its own, once for each content."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from ops.errors import CannotStart
from ops.voices import hibari
from tritone.card import component_name
from tritone.placement import NETWORK

_VERSION = "1"


def publish_default_voice(folder: Path) -> Path | None:
    """Return a model repository below `folder` with the voice of the installed package.

    What is there already is kept. None: the package is not installed.

    Raises:
        CannotStart: the folder cannot be written to.
    """
    package = hibari.package_folder()
    if package is None:
        return None
    files = _files(package)
    target = folder / _digest(files)
    if target.is_dir():
        return target
    try:
        _write(files, target)
        for other in folder.iterdir():  # what earlier releases published
            if other != target:
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        raise CannotStart(f"the default voice cannot be published in {folder}: {error}") from error
    return target


def _files(package: Path) -> dict[str, bytes]:
    """Return every file of the repository by its path in it."""
    network = component_name(hibari.CARD.name, NETWORK)
    model = f"{network}/{_VERSION}/model.onnx"
    content = hibari.network_file(package)
    manifest = {
        "source": f"{hibari.DISTRIBUTION} {hibari.version()}",
        "precision": "int8",
        "artifacts": {model: hashlib.sha256(content).hexdigest()},
        "sizes": {model: len(content)},
    }
    configs = hibari.config_texts()
    return {
        **{f"{name}/config.pbtxt": text.encode() for name, text in configs.items()},
        model: content,
        f"{hibari.CARD.name}/{_VERSION}/manifest.json": json.dumps(manifest, indent=1).encode(),
    }


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _write(files: dict[str, bytes], target: Path) -> None:
    # In one stroke: whoever starts at the same time finds all of it, or nothing.
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    for path, content in files.items():
        file = fresh / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    try:
        fresh.rename(target)
    except OSError:
        if not target.is_dir():  # else another stack was faster
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
