"""Triton backend `tokenizer`: texts to ids and attention masks."""

from __future__ import annotations

from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.early_cancels import EarlyCancels
from backends.errors import RequestFailed
from backends.tokenizer.encoding import PromptEncoder
from backends.triton import find_cancel, make_error_response, read_card, read_config

TOKENIZER_FILE = "tokenizer.json"


class TritonPythonModel:
    """One instance of a tokenizer."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load `tokenizer.json` from the version's folder."""
        folder = Path(args["model_repository"], args["model_version"])
        self._early_cancels = EarlyCancels()
        self._encoder = PromptEncoder(read_card(read_config(args)), folder / TOKENIZER_FILE)

    def execute(
        self, requests: list[pb_utils.InferenceRequest]
    ) -> list[pb_utils.InferenceResponse]:
        """Answer each request by itself: a bad text or a cancel fails only that one."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        cancel = find_cancel(request, self._early_cancels)
        if cancel is not None:
            return make_error_response(cancel)
        try:
            made = self._encoder.encode(_list_rows(request))
        except RequestFailed as error:
            return make_error_response(error)
        # Models published by older releases declare no `TEXT_USE`; it is then not sent.
        return pb_utils.InferenceResponse([pb_utils.Tensor(*each) for each in made.items()])


def _list_rows(request: pb_utils.InferenceRequest) -> list[dict[str, object]]:
    arrays = {tensor.name(): tensor.as_numpy().ravel().tolist() for tensor in request.inputs()}
    return [dict(zip(arrays, row, strict=True)) for row in zip(*arrays.values(), strict=True)]
