"""A voice that was added speaks on the running stack, before it counts as added."""

import time
from typing import Any

import numpy as np
from tritonclient.grpc.aio import InferInput
from tritonclient.utils import np_to_triton_dtype

from ops.errors import OpsError, TritonCallFailed
from ops.polling import within
from ops.triton.control import TritonControl
from tritone.card import ModelCard, SpeechCard
from tritone.first_line import first_line
from tritone.pcm import SILENCE_DBFS, loudness_dbfs
from tritone.speech_tensors import TEXT, VOICE
from tritone.tensors import (
    GUIDANCE_SCALE,
    PCM,
    PROMPT,
    SECONDS_END,
    SECONDS_START,
    SEED,
    STEPS,
    ensemble,
)

_LOAD_TIMEOUT_S = 120.0
_SPEAK_TIMEOUT_S = 120.0
_NOTHING: dict[str, Any] = {  # for what a trial asks not
    "STRING": b"",
    "FP32": np.float32(0.0),
    "INT32": np.int32(0),
    "INT64": np.int64(0),
}
_UNLOADED = "unloaded"  # Triton's reason for what was taken away before


class TrialFailed(OpsError):
    """The stack does not load the voice, or it does not speak."""


async def try_voice(control: TritonControl, card: SpeechCard) -> float:
    """Return how many seconds the default voice of a model takes to speak a short text.

    Waits until the stack has loaded the model.

    Raises:
        TrialFailed: it does not, or it is silent.
    """
    inputs = [_scalar(TEXT, card.trial_text.encode()), _scalar(VOICE, card.default_voice.encode())]
    return await _try(control, card.name, inputs)


async def try_sound(control: TritonControl, card: ModelCard, prompt: str) -> float:
    """Return how many seconds a model takes to make one second of sound.

    Waits until the stack has loaded the model.

    Raises:
        TrialFailed: it does not, or it is silent.
    """
    given: dict[str, Any] = {
        PROMPT: prompt.encode(),
        SECONDS_START: np.float32(0.0),
        SECONDS_END: np.float32(1.0),
        SEED: np.int64(0),
        STEPS: np.int32(card.default_steps),
        GUIDANCE_SCALE: np.float32(card.default_guidance_scale),
    }
    values = {
        spec.name: given.get(spec.name, _NOTHING[spec.dtype]) for spec in ensemble(card).inputs
    }
    return await _try(control, card.name, [_scalar(*each) for each in values.items()])


async def _try(control: TritonControl, name: str, inputs: list[InferInput]) -> float:
    reason = silence = ""

    async def is_decided() -> bool:
        nonlocal reason, silence
        try:
            states = [each for each in await control.states() if each[0] == name]
        except TritonCallFailed as error:  # what kills a backend process restarts Triton, too
            silence = f": Triton does not answer: {first_line(error)}"
            return False
        silence = ""
        reasons = (why for _, _, state, why in states if state == "UNAVAILABLE")
        reason = next((why for why in reasons if why not in ("", _UNLOADED)), "")
        return bool(reason) or any(state == "READY" for _, _, state, _ in states)

    if not await within(_LOAD_TIMEOUT_S, is_decided):
        raise TrialFailed(
            f"the stack has not loaded {name} within {_LOAD_TIMEOUT_S:.0f} s{silence}"
        )
    if reason:
        raise TrialFailed(f"the stack cannot load {name}: {first_line(reason)}")
    begin = time.monotonic()
    try:
        answers = await control.ask(name, inputs, {}, _SPEAK_TIMEOUT_S)
    except TritonCallFailed as error:
        raise TrialFailed(f"{name} makes no sound: {error}") from error
    chunks = [pcm[0] for pcm in (answer.as_numpy(PCM) for answer in answers) if pcm is not None]
    if not chunks or loudness_dbfs(np.concatenate(chunks, axis=1)) < SILENCE_DBFS:
        raise TrialFailed(f"{name} is silent")
    return time.monotonic() - begin


def _scalar(name: str, value: Any) -> InferInput:  # noqa: ANN401 -- bytes, or a number of numpy
    array = np.array([[value]], np.object_ if isinstance(value, bytes) else value.dtype)
    tensor = InferInput(name, [1, 1], np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array)
    return tensor
