"""Two texts through a version of a voice on the running server: does it speak, and say both?"""

import time

import numpy as np
from tritonclient.grpc.aio import InferInput

from ops.errors import TritonCallFailed
from ops.models.errors import Refused
from ops.models.smoke import Smoke, check_difference, check_sound, difference
from ops.triton.control import TritonControl
from tritone import tensors
from tritone.card import SpeechCard
from tritone.first_line import first_line
from tritone.pcm import Pcm, loudness_dbfs, narrow
from tritone.speech_tensors import TEXT, VOICE

_MIN_SECONDS_A_CHARACTER = 0.02  # people speak 15 a second, the fastest 30


async def smoke_speech(
    control: TritonControl, name: str, card: SpeechCard, timeout_s: float
) -> Smoke:
    """Return the measurements of what speaks under a Triton name.

    Raises:
        Refused: it fails, is silent, speaks too little, or gives one sound for two texts.
    """
    sounds, seconds = [], []
    for said in (card.trial_text, f"{card.trial_text} {card.trial_text}"):
        begin = time.monotonic()
        sounds.append(await _speak(control, name, card, said, timeout_s))
        seconds.append(time.monotonic() - begin)
        check_sound(name, said, sounds[-1])
        _check_length(name, said, sounds[-1].shape[-1] / card.sample_rate)
    found = difference(sounds) if sounds[0].shape == sounds[1].shape else 1.0
    check_difference(name, found)
    return Smoke(
        seconds=tuple(seconds),
        loudness_dbfs=tuple(map(loudness_dbfs, sounds)),
        difference=found,
        fingerprint_error=None,
        tolerance=None,
    )


async def _speak(
    control: TritonControl, name: str, card: SpeechCard, text: str, timeout_s: float
) -> Pcm:
    """Return the whole sound of a text, int16 [audio_channels, samples]."""
    inputs = [_input(TEXT, text), _input(VOICE, card.default_voice)]
    try:
        answers = await control.ask(name, inputs, {}, timeout_s)
    except TritonCallFailed as error:
        said = first_line(str(error))
        raise Refused(f"{name} fails for {text!r}: {said}") from error
    decoded = [answer.as_numpy(tensors.PCM) for answer in answers]
    chunks: list[Pcm] = [narrow(pcm)[0] for pcm in decoded if pcm is not None]
    if not chunks:
        raise Refused(f"{name} answers {text!r} without a sound")
    return np.concatenate(chunks, axis=1)


def _check_length(name: str, text: str, seconds: float) -> None:
    if seconds < _MIN_SECONDS_A_CHARACTER * len(text):
        raise Refused(f"{name} says {text!r} in {seconds:.2f} s: that is not all of it")


def _input(name: str, value: str) -> InferInput:
    tensor = InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[value.encode()]], np.object_))
    return tensor
