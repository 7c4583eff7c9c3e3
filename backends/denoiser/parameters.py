"""The parameters of a denoiser's `config.pbtxt` that say how steps are taken on a device."""

from backends.errors import InvalidParameter
from tritone.card import ModelCard
from tritone.lengths import find_decode_bucket, list_step_lengths

STEP_BATCH = "step_batch"
"""Jobs that share a step; `auto`, on a device: as many as pay, measured at the start; else 1."""

ON_DEVICE = "steps_on_device"
"""Whether jobs keep their state on the device: `auto` (on GPUs), `true` or `false`."""

LENGTHS = "step_lengths"
"""Latent frames that steps are opened for, as `65,190`; a sound takes the next longer one."""

SLOWDOWN = "step_slowdown"
"""With `step_batch` `auto`: how much longer than a step of one job a step of several may take."""

CAPTURE = "cuda_graphs"
"""Whether steps are captured and replayed where the device can: `true` or `false`."""

DECODED = "decode_bucket"
"""Decoded lengths are rounded up to a multiple of this, in latent frames."""

_DEFAULT_SLOWDOWN = 2.0


def read_lengths(text: str | None, card: ModelCard) -> tuple[int, ...]:
    """Return latent frames, ascending; the window is always among them.

    Raises:
        InvalidParameter: they are not numbers within the window.
    """
    if not text:
        return list_step_lengths(card)
    try:
        asked = [int(each) for each in text.split(",")]
    except ValueError:
        asked = [0]
    if not all(1 <= each <= card.max_frames for each in asked):
        raise InvalidParameter(f"{LENGTHS} must be numbers up to {card.max_frames}: {text!r}")
    return tuple(sorted({*asked, card.max_frames}))


def read_decode_bucket(text: str | None, card: ModelCard, *, is_gpu: bool) -> int:
    """Return a number of latent frames; decoded lengths are rounded up to a multiple of this.

    Raises:
        InvalidParameter: it is not a number of at least 1.
    """
    if text:
        return _read_positive(DECODED, text)
    return find_decode_bucket(card) if is_gpu else 1


def read_step_batch(text: str) -> int | None:
    """Return a step batch, or None: as many as pay.

    Raises:
        InvalidParameter: it is neither a number of at least 1 nor `auto`.
    """
    return None if text == "auto" else _read_positive(STEP_BATCH, text)


def read_slowdown(text: str | None) -> float:
    """Return how many times as long a step of several jobs may take.

    Raises:
        InvalidParameter: it is not a number of at least 1.
    """
    try:
        slowdown = float(text or _DEFAULT_SLOWDOWN)
    except ValueError:
        slowdown = 0.0
    if not slowdown >= 1.0:
        raise InvalidParameter(f"{SLOWDOWN} must be a number of at least 1: {text!r}")
    return slowdown


def _read_positive(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InvalidParameter(f"{name} must be a number of at least 1: {text!r}")
    return int(text)
