"""What can go wrong in an export, each in one sentence for the person at the terminal."""

from errno import EDQUOT, EFBIG, ENOSPC

_FULL = {ENOSPC, EDQUOT, EFBIG}


class ExportError(Exception):
    """The export stops here; the message is one sentence, `detail` is for who wants to dig."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class InvalidCheckpoint(ExportError):
    """The source is missing, incomplete, or not one this exporter knows."""


class InvalidOption(ExportError):
    """The options contradict each other or the checkpoint."""


class VerificationFailed(ExportError):
    """An exported graph does not do what PyTorch does; nothing is published."""


class EngineError(ExportError):
    """A plan cannot be built here."""


class PublishingRefused(ExportError):
    """The repository cannot take this version; it is as it was."""


def from_os_error(error: OSError) -> ExportError:
    """Return the sentence for a failed file operation."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _FULL:
        return ExportError(
            f"the disk is full{where}: free some space, or choose another --repository; "
            "nothing was published"
        )
    return ExportError(f"{error.strerror or error}{where}; nothing was published")
