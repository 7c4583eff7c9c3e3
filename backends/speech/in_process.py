"""A voice's network in the speaker's own process, behind the `Network` seam. Knows no Triton."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.onnxruntime.session import InvalidModel, find_model_file, open_session
from backends.speech.engine import Network
from backends.tensors import Tensors
from tritone.placement import FEATURES_FILE, FRAMES_FILE
from tritone.speech_tensors import FEATURES

__all__ = ["InvalidModel", "open_in_process"]


def open_in_process(version_folder: Path, *, threads: int = 1) -> Network:
    """Load the network of a version, as its halves where they lie beside it.

    Each call takes so many threads, so that its bits do not depend on the load.

    Raises:
        InvalidModel: there is none.
    """
    halves = [version_folder / name for name in (FEATURES_FILE, FRAMES_FILE)]
    if all(path.is_file() for path in halves):
        first, second = (_Session(path, threads) for path in halves)
        return _Halves(first, second)
    path = find_model_file(version_folder, {"name": version_folder.parent.name})
    return _Session(path, threads)


class _Session:
    def __init__(self, path: Path, threads: int) -> None:
        self._session: ort.InferenceSession = open_session(path, threads=threads, inter_threads=1)
        self._outputs = [each.name for each in self._session.get_outputs()]

    def __call__(self, inputs: Tensors) -> Tensors:
        """Return the outputs by name.

        Raises:
            RequestFailed: the network did not take the inputs.
        """
        try:
            answers = self._session.run(self._outputs, inputs)
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise RequestFailed(f"onnx runtime error: {error}", Code.INTERNAL) from error
        return dict(zip(self._outputs, answers, strict=True))


class _Halves:
    """A `HalvedNetwork`."""

    def __init__(self, first: _Session, second: _Session) -> None:
        self._first = first
        self._second = second

    def __call__(self, inputs: Tensors) -> Tensors:
        found = self.make_features(inputs)
        return found | self.make_frames(found[FEATURES])

    def make_features(self, inputs: Tensors) -> Tensors:
        return self._first(inputs)

    def make_frames(self, features: NDArray[np.float32]) -> Tensors:
        return self._second({FEATURES: features})
