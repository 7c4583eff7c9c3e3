"""Triton backend `tokenizer`: `prompt` and `negative_prompt` to ids and attention mask."""

from __future__ import annotations

from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.early_cancels import EarlyCancels
from backends.errors import RequestFailed
from backends.tokenizer.encoding import PromptEncoder
from backends.triton import find_cancel, make_error_response, read_card, read_config
from tritone.tensors import ATTENTION_MASK, INPUT_IDS, NEGATIVE_PROMPT, PROMPT, TEXT_USE

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
        prompts = pb_utils.get_input_tensor_by_name(request, PROMPT).as_numpy()
        negatives = pb_utils.get_input_tensor_by_name(request, NEGATIVE_PROMPT).as_numpy()
        try:
            ids, mask, uses = self._encoder.encode(
                prompts.ravel().tolist(), negatives.ravel().tolist()
            )
        except RequestFailed as error:
            return make_error_response(error)
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor(INPUT_IDS, ids),
                pb_utils.Tensor(ATTENTION_MASK, mask),
                pb_utils.Tensor(TEXT_USE, uses),  # not sent to models published without it
            ]
        )
