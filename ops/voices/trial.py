"""A voice that was added speaks on the running stack, before it counts as added."""

import time

import numpy as np
from tritonclient.grpc.aio import InferInput

from ops.errors import OpsError, TritonCallFailed
from ops.polling import within
from ops.triton.control import TritonControl
from tritone.card import SpeechCard
from tritone.pcm import SILENCE_DBFS, loudness_dbfs
from tritone.speech_tensors import TEXT, VOICE
from tritone.tensors import PCM

_LOAD_TIMEOUT_S = 120.0
_SPEAK_TIMEOUT_S = 120.0
_UNLOADED = "unloaded"  # Triton's reason for what was taken away before


class TrialFailed(OpsError):
    """The stack does not load the voice, or it does not speak."""


async def try_voice(control: TritonControl, card: SpeechCard, text: str) -> float:
    """Return how many seconds the default voice of a model takes to speak a text.

    Waits until the stack has loaded the model.

    Raises:
        TrialFailed: it does not, or it is silent.
    """
    reason = ""

    async def is_decided() -> bool:
        nonlocal reason
        states = [each for each in await control.states() if each[0] == card.name]
        reasons = (why for _, _, state, why in states if state == "UNAVAILABLE")
        reason = next((why for why in reasons if why not in ("", _UNLOADED)), "")
        return bool(reason) or any(state == "READY" for _, _, state, _ in states)

    if not await within(_LOAD_TIMEOUT_S, is_decided):
        raise TrialFailed(f"the stack has not loaded {card.name} within {_LOAD_TIMEOUT_S:.0f} s")
    if reason:
        raise TrialFailed(f"the stack cannot load {card.name}: {reason.splitlines()[0]}")
    begin = time.monotonic()
    inputs = [_text(TEXT, text), _text(VOICE, card.default_voice)]
    try:
        answers = await control.ask(card.name, inputs, {}, _SPEAK_TIMEOUT_S)
    except TritonCallFailed as error:
        raise TrialFailed(f"{card.name} does not speak: {error}") from error
    chunks = [pcm[0] for pcm in (answer.as_numpy(PCM) for answer in answers) if pcm is not None]
    if not chunks or loudness_dbfs(np.concatenate(chunks, axis=1)) < SILENCE_DBFS:
        raise TrialFailed(f"{card.name} is silent")
    return time.monotonic() - begin


def _text(name: str, value: str) -> InferInput:
    tensor = InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[value.encode()]], np.object_))
    return tensor
