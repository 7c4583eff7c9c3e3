"""Compares a voice's published network with the original, in ONNX Runtime, before anybody hears it.

Raises `NotVerified` only; what is compared is said with each function.
"""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ops.errors import OpsError
from tritone.first_line import first_line
from tritone.kokoro_files import MAX_PHONEMES, STYLE_SIZE
from tritone.speech_tensors import AUDIO, DURATIONS, SPEED, STYLE, TOKENS

Tensors = dict[str, NDArray[Any]]

_LENGTHS = (8, 40)  # of phonemes: a graph with a fixed length takes one of them only


class NotVerified(OpsError):
    """The published network is not the original one; the text says in what."""


def open_session(network: bytes) -> ort.InferenceSession:
    """Return a network on one thread.

    Raises:
        NotVerified: it is none.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # an added output of unknown shape is a warning
    try:
        return ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise NotVerified(f"ONNX Runtime cannot read the network: {first_line(error)}") from error


def run(session: ort.InferenceSession, inputs: Tensors) -> Tensors:
    """Return the outputs by name.

    Raises:
        NotVerified: it does not take the inputs.
    """
    names = [each.name for each in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, inputs), strict=True))
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise NotVerified(f"the network does not run: {first_line(error)}") from error


def verify_kokoro(original: bytes, published: bytes, style: bytes, samples_per_unit: int) -> None:
    """Check that the sound is the same, bit by bit, and that the durations add up to it.

    Raises:
        NotVerified: they do not.
    """
    table = np.frombuffer(style, np.float32).reshape(MAX_PHONEMES, STYLE_SIZE)
    theirs, ours = open_session(original), open_session(published)
    for n in _LENGTHS:
        ids = np.random.default_rng(n).integers(43, 60, n)  # letters of any language
        inputs: Tensors = {
            TOKENS: np.array([[0, *ids, 0]], np.int64),
            STYLE: table[[n]],
            SPEED: np.array([1.0], np.float32),
        }
        expected, found = run(theirs, inputs)[AUDIO], run(ours, inputs)
        if not np.array_equal(expected, found[AUDIO]):
            raise NotVerified("the published network sounds otherwise than the original")
        if round(float(found[DURATIONS].sum())) * samples_per_unit != expected.size:
            raise NotVerified("the durations of the phonemes do not add up to the sound")
