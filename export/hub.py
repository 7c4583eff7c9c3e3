"""Checkpoints from the Hugging Face hub. Knows no torch."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from export.errors import InvalidCheckpoint

# A repository often holds the same weights several times over: pickled, half, and as one file.
_UNWANTED = ["*.bin", "*.pt", "*.ckpt", "*.onnx", "*.fp16.*", "*.bf16.*", "*.non_ema.*"]


def download(hub_id: str, wanted: list[str]) -> Path:
    """Return the folder of a checkpoint of the hub, with the files of some patterns in it.

    Raises:
        InvalidCheckpoint: it does not exist, must be asked for first, or cannot be reached.
    """
    try:
        return Path(snapshot_download(hub_id, allow_patterns=wanted, ignore_patterns=_UNWANTED))
    except GatedRepoError as error:
        raise InvalidCheckpoint(
            f"{hub_id} is gated: accept its licence on huggingface.co/{hub_id}, then set HF_TOKEN "
            "or run `hf auth login`",
            detail=str(error),
        ) from error
    except RepositoryNotFoundError as error:
        raise InvalidCheckpoint(
            f"there is neither a folder {hub_id} nor such a model on the Hugging Face hub "
            "(a private one needs HF_TOKEN)",
            detail=str(error),
        ) from error
    except (OSError, ValueError) as error:
        # LocalEntryNotFoundError, OfflineModeIsEnabled, and every network error are OSErrors.
        raise InvalidCheckpoint(
            f"there is no folder {hub_id}, and the Hugging Face hub cannot be reached",
            detail=str(error),
        ) from error
