"""Triton backend `espeak`: a text and a voice's name to phonemes.

A crash of the library ends this process and no other; the model is loaded again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from backends.espeak.phonemizer import EspeakPhonemizer, UnknownEspeakVoice
from backends.triton import make_error_response
from tritone.espeak_files import data_folder, library_file
from tritone.piper_voice import PHONEMES, PHONEMIZER_LANGUAGE, PHONEMIZER_TEXT


class TritonPythonModel:
    """The one instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the library out of the version's folder."""
        folder = Path(args["model_repository"], args["model_version"])
        try:
            self._espeak = EspeakPhonemizer(library_file(folder), data_folder(folder))
        except OSError as error:
            raise pb_utils.TritonModelException(f"espeak-ng cannot be loaded: {error}") from error

    def execute(
        self, requests: list[pb_utils.InferenceRequest]
    ) -> list[pb_utils.InferenceResponse]:
        """Answer each request by itself."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        text, voice = (_read(request, name) for name in (PHONEMIZER_TEXT, PHONEMIZER_LANGUAGE))
        try:
            phonemes = self._espeak.phonemize(text, voice)
        except UnknownEspeakVoice as error:
            return make_error_response(RequestFailed(str(error), Code.INVALID_ARG))
        made = np.array([phonemes.encode()], np.object_)
        return pb_utils.InferenceResponse([pb_utils.Tensor(PHONEMES, made)])


def _read(request: pb_utils.InferenceRequest, name: str) -> str:
    value: bytes = pb_utils.get_input_tensor_by_name(request, name).as_numpy().item()
    return value.decode("utf-8", "replace")
