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
from tritone.plans import names_of
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


class _Load:
    """What Triton says of a model that was just published."""

    def __init__(self, control: TritonControl, name: str) -> None:
        self._control, self._name = control, name
        # An ensemble that does not load has no entry of its own: its parts tell.
        self._parts = {name, *names_of(name)}
        self._stale: set[str] | None = None  # reasons of what bore the name before
        self.reason = ""  # that it cannot be loaded
        self.said = ""  # what may explain that nothing comes

    async def is_decided(self) -> bool:
        """Return whether it is loaded or cannot be."""
        try:
            states = [each for each in await self._control.states() if each[0] in self._parts]
        except TritonCallFailed as error:  # what kills a backend process restarts Triton, too
            self._stale, self.said = set(), f": Triton does not answer: {first_line(error)}"
            return False
        if any(model == self._name and state == "READY" for model, _, state, _ in states):
            return True
        reasons = [why for _, _, state, why in states if state == "UNAVAILABLE"]
        reasons = [why for why in reasons if why not in {"", _UNLOADED}]
        if self._stale is None:  # no load can have ended yet
            self._stale = set(reasons)
        self.reason = next((why for why in reasons if why not in self._stale), "")
        self.said = f": {first_line(reasons[0])}" if reasons else ""
        return bool(self.reason)


async def _try(control: TritonControl, name: str, inputs: list[InferInput]) -> float:
    load = _Load(control, name)
    if not await within(_LOAD_TIMEOUT_S, load.is_decided):
        raise TrialFailed(
            f"the stack has not loaded {name} within {_LOAD_TIMEOUT_S:.0f} s{load.said}"
        )
    if load.reason:
        raise TrialFailed(f"the stack cannot load {name}: {first_line(load.reason)}")
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
