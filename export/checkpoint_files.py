"""Whether a checkpoint's files are what they should be. Knows no torch, so refusals are quick.

Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md (pointers),
https://github.com/huggingface/safetensors (the header).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from export.errors import InvalidCheckpoint

HOLD_WEIGHTS = frozenset(
    {
        "text_encoder",
        "projection_model",
        "duration_embedder",
        "condition_encoder",
        "transformer",
        "vae",
        "audio_tokenizer",
        "audio_token_detokenizer",
    }
)
_POINTER = b"version https://git-lfs.github.com/spec/"
_WEIGHTS = "*.safetensors"
_TOKENIZERS = {"tokenizer.json", "spiece.model", "tokenizer.model"}
_NAMES = ("diffusion_pytorch_model", "model")
_LENGTH_BYTES = 8  # of a header
_MAX_HEADER_BYTES = 100_000_000


def check_files(folder: Path, components: Iterable[str]) -> None:
    """Check that every component has readable weights or a readable tokenizer.

    Raises:
        InvalidCheckpoint: a file is missing, a pointer, cut off or not JSON; says what to do.
    """
    for component in components:
        files = sorted(path for path in (folder / component).iterdir() if path.is_file())
        for path in files:
            _check_no_pointer(path, folder)
        for path in files:
            if path.suffix == ".json":
                read_object(path)
            elif path.match(_WEIGHTS):
                list_tensors(path)
        if component in HOLD_WEIGHTS:
            _check_has_weights(folder / component)
        elif component == "tokenizer" and not any(p.name in _TOKENIZERS for p in files):
            raise InvalidCheckpoint("the tokenizer has no fast version (tokenizer.json)")


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        InvalidCheckpoint: it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidCheckpoint(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidCheckpoint(f"{path} must hold a JSON object")
    return content


def _check_no_pointer(path: Path, folder: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise InvalidCheckpoint(
                f"{path} is a git-lfs pointer, not the file itself: run `git lfs pull` in {folder}"
            )


def list_tensors(path: Path) -> set[str]:
    """Return the names of the tensors in a safetensors file.

    Raises:
        InvalidCheckpoint: it is cut off, or of another format.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if header_bytes > _MAX_HEADER_BYTES:
            raise InvalidCheckpoint(f"{path} is not a safetensors file")
        header = file.read(header_bytes)
    if len(header) < header_bytes or n_bytes < _LENGTH_BYTES:
        raise _cut_off(path, f"its header alone has {_LENGTH_BYTES + header_bytes} bytes")
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise InvalidCheckpoint(f"{path} is not a safetensors file") from error
    expected = _LENGTH_BYTES + header_bytes + end
    if n_bytes < expected:
        raise _cut_off(path, f"it has {n_bytes} of {expected} bytes")
    return set(tensors)


def _cut_off(path: Path, why: str) -> InvalidCheckpoint:
    return InvalidCheckpoint(f"{path} is cut off ({why}): fetch it again")


def _check_has_weights(folder: Path) -> None:
    for name in _NAMES:
        index = folder / f"{name}.safetensors.index.json"
        if index.is_file():
            return _check_has_shards(index)
        if (folder / f"{name}.safetensors").is_file():
            return None
    others = sorted(path.name for path in folder.glob(_WEIGHTS))
    if others:
        raise InvalidCheckpoint(
            f"the {folder.name} has only a variant of its weights ({others[0]}): fetch those "
            f"without one, or rename it to {_default_name(others[0])} in {folder}"
        )
    raise InvalidCheckpoint(
        f"the {folder.name} has no safetensors weights in {folder}; pickled ones are not read, "
        "because they can run code"
    )


def _default_name(variant: str) -> str:
    """Return `model.safetensors` for `model.fp16.safetensors`."""
    return f"{variant.partition('.')[0]}.safetensors"


def _check_has_shards(index: Path) -> None:
    shards = read_object(index).get("weight_map")
    if not isinstance(shards, dict):
        raise InvalidCheckpoint(f"{index} has no weight_map")
    for name in sorted(set(map(str, shards.values()))):
        if not (index.parent / name).is_file():
            raise InvalidCheckpoint(f"{index.parent / name} is missing: {index.name} names it")
