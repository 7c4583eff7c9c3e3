"""The frames of a passage, the first ones before the others. Knows no engine and no Triton."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backends.speech.engine import HalvedNetwork, Network
from backends.tensors import Tensors
from tritone.speech_tensors import FEATURES


class Frames(Protocol):
    """What a network makes of each frame of a passage: arrays whose last dimension is frames."""

    @property
    def answer(self) -> Tensors:
        """What the network says beside its frames."""

    @property
    def n_frames(self) -> int:
        """How many there are."""

    def first(self, n: int) -> list[NDArray[np.float32]]:
        """Return the first `n` frames."""

    def all(self) -> list[NDArray[np.float32]]:
        """Return all frames; those that `first` returned among them."""


def make_frames(network: Network, inputs: Tensors, names: Sequence[str], context: int) -> Frames:
    """Return the frames of one passage, by the names of the outputs that hold them, [1, .., n].

    `context` is how many frames after and before it a frame of a `HalvedNetwork` hears.

    Raises:
        RequestFailed: the network's own error; `first` and `all` raise it, too.
    """
    if isinstance(network, HalvedNetwork):
        return _ByHalves(network, inputs, names, context)
    return _AtOnce(network(inputs), names)


class _AtOnce:
    def __init__(self, answer: Tensors, names: Sequence[str]) -> None:
        self.answer: Tensors = answer
        self._frames = [answer[name][0] for name in names]
        self.n_frames = self._frames[0].shape[-1]

    def first(self, n: int) -> list[NDArray[np.float32]]:
        return [each[..., :n] for each in self._frames]

    def all(self) -> list[NDArray[np.float32]]:
        return self._frames


class _ByHalves:
    def __init__(
        self,
        network: HalvedNetwork,
        inputs: Tensors,
        names: Sequence[str],
        context: int,
    ) -> None:
        self._network = network
        self.answer: Tensors = network.make_features(inputs)
        self._features = self.answer[FEATURES]
        self._names = names
        self._context = context
        self.n_frames = self._features.shape[-1]
        self._first: list[NDArray[np.float32]] = []

    def first(self, n: int) -> list[NDArray[np.float32]]:
        self._first = [each[..., :n] for each in self._make(0, n + self._context)]
        return self._first

    def all(self) -> list[NDArray[np.float32]]:
        if not self._first:
            return self._make(0, self.n_frames)
        n = self._first[0].shape[-1]
        begin = max(0, n - self._context)
        rest = self._make(begin, self.n_frames)
        pairs = zip(self._first, rest, strict=True)
        return [np.concatenate([some, each[..., n - begin :]], axis=-1) for some, each in pairs]

    def _make(self, begin: int, end: int) -> list[NDArray[np.float32]]:
        made = self._network.make_frames(self._features[..., begin:end])
        return [
            made[name][0] if name in made else self.answer[name][0][..., begin:end]
            for name in self._names
        ]
