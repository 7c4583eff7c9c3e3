"""The parameters of a denoiser's `config.pbtxt` that say how steps are taken on a device."""

from backends.errors import InvalidParameter
from tritone.card import ModelCard

STEP_BATCH = "step_batch"
"""Jobs that share a step; `auto`, on a device: as many as pay, measured at the start."""

ON_DEVICE = "steps_on_device"
"""Whether jobs keep their state on the device: `auto` (on GPUs), `true` or `false`."""

LENGTHS = "step_lengths"
"""Latent frames that steps are opened for, as `65,190`; a sound takes the next longer one."""

SLOWDOWN = "step_slowdown"
"""For `step_batch` `auto`: how many times as long as of one job a step of several may take."""

CAPTURE = "cuda_graphs"
"""Whether steps are captured and replayed where the device can: `true` or `false`."""

DECODED = "decode_bucket"
"""Latent frames to whose multiples decoded lengths are rounded up."""

_DEFAULT_SLOWDOWN = 2.0
_N_LENGTHS = 3  # by default: the window, a half and a quarter of it
_N_DECODED = 8  # by default, on GPUs: so many decoded lengths


def read_lengths(text: str | None, card: ModelCard) -> tuple[int, ...]:
    """Return latent frames, ascending; the window is always among them.

    Raises:
        InvalidParameter: they are not numbers within the window.
    """
    if not text:
        halves = [-(-card.max_frames // 2**i) for i in range(_N_LENGTHS)]
        asked = [-(-each // card.frame_bucket) * card.frame_bucket for each in halves]
    else:
        try:
            asked = [int(each) for each in text.split(",")]
        except ValueError:
            asked = [0]
        if not all(1 <= each <= card.max_frames for each in asked):
            raise InvalidParameter(f"{LENGTHS} must be numbers up to {card.max_frames}: {text!r}")
    return tuple(sorted({*(min(each, card.max_frames) for each in asked), card.max_frames}))


def read_decode_bucket(text: str | None, card: ModelCard, *, is_gpu: bool) -> int:
    """Return to whose multiples decoded lengths are rounded up.

    Raises:
        InvalidParameter: it is not a number of at least 1.
    """
    if text:
        return _read_positive(DECODED, text)
    return -(-card.max_frames // _N_DECODED) if is_gpu else 1


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
