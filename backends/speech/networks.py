"""Which implementation of the `Network` seam a speaker's configuration asks for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from backends.speech.engine import Network, Phonemize
from backends.tensors import Tensors
from backends.triton import ModelConfig, ask_model, find_parameter, require_parameter
from tritone.piper_voice import PHONEMES, PHONEMIZER, PHONEMIZER_LANGUAGE, PHONEMIZER_TEXT
from tritone.placement import NETWORK, NETWORK_IN_PROCESS, THREADS, runs_in_process


def open_network(args: dict[str, str], config: ModelConfig) -> Network:
    """Return what the configuration asks for; `args` are those of `initialize`.

    Raises:
        TritonModelException: it does not load.
    """
    if find_parameter(config, NETWORK) is None:
        return _no_network
    name, version = require_parameter(config, NETWORK), args["model_version"]
    if not runs_in_process(find_parameter(config, NETWORK_IN_PROCESS)):
        return _TritonNetwork(name, int(version))
    # Imported here only: a speaker that calls Triton needs no ONNX Runtime for its network.
    from backends.speech.in_process import InvalidModel, open_in_process  # noqa: PLC0415

    try:
        folder = Path(args["model_repository"]).parent / name / version
        threads = int(find_parameter(config, THREADS) or 1)
        return open_in_process(folder, threads=min(threads, len(os.sched_getaffinity(0))))
    except InvalidModel as error:
        raise pb_utils.TritonModelException(
            f"{error}; where the repository is not a plain folder, set the parameter "
            f"'{NETWORK_IN_PROCESS}' to false and load {name} beside it"
        ) from error


def _no_network(inputs: Tensors) -> Tensors:
    """Stand for the network of a model whose engine needs none."""
    raise RequestFailed("this model has no network", Code.INTERNAL)


class _TritonNetwork:
    """The network as a Triton model of its own (BLS), in the speaker's own version."""

    def __init__(self, name: str, version: int) -> None:
        self._name = name
        self._version = version

    def __call__(self, inputs: Tensors) -> Tensors:
        outputs = ask_model(self._name, self._version, inputs, [])
        if not outputs:
            raise RequestFailed(f"{self._name} answered without outputs", Code.INTERNAL)
        return outputs


def find_phonemizer(config: ModelConfig) -> Phonemize | None:
    """Return the Triton model that makes phonemes for a speaker, or None: it needs none."""
    name = find_parameter(config, PHONEMIZER)
    if name is None:
        return None

    def phonemize(text: str, voice: str) -> str:
        given = {PHONEMIZER_TEXT: text, PHONEMIZER_LANGUAGE: voice}
        inputs = {key: np.array([value.encode()], np.object_) for key, value in given.items()}
        phonemes: bytes = ask_model(name, -1, inputs, [PHONEMES])[PHONEMES].item()
        return phonemes.decode()

    return phonemize
