"""Triton backend `onnxruntime` for a pip-installed Triton: a drop-in for NGC's native backend.

Triton looks for `libtriton_onnxruntime.so` first: where the native backend is installed, this file
is never used and the same model repository runs on both.
"""

from __future__ import annotations

from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.early_cancels import EarlyCancels
from backends.errors import Code, RequestFailed
from backends.onnxruntime.batching import run_in_groups
from backends.onnxruntime.session import (
    InvalidModel,
    check_tensors,
    find_model_file,
    open_configured_session,
)
from backends.tensors import Tensors
from backends.triton import find_cancel, make_error_response, read_config
from tritone.placement import CPU, LARGE_BYTES, count_bytes, find_device, has_gpu


class TritonPythonModel:
    """One instance (a process of its own) of one network."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network of this version.

        Raises:
            TritonModelException: the network does not fit its configuration.
        """
        config = read_config(args)
        folder = Path(args["model_repository"], args["model_version"])
        try:
            self._session = open_configured_session(find_model_file(folder, config), config)
            check_tensors(self._session, config)
        except InvalidModel as error:
            name = config["name"]
            raise pb_utils.TritonModelException(
                f"unable to load model '{name}': {error}"
            ) from error
        if find_device() == CPU and count_bytes(folder) > LARGE_BYTES and has_gpu():
            pb_utils.Logger.log_warn(
                f"{config['name']} runs on the CPU although there is a GPU: this backend stands in "
                "for NVIDIA's, and takes the GPU with `tritone up --gpu` only"
            )
        self._early_cancels = EarlyCancels()
        self._outputs = [output["name"] for output in config["output"]]
        self._joins_requests = config["max_batch_size"] > 0

    def execute(
        self, requests: list[pb_utils.InferenceRequest]
    ) -> list[pb_utils.InferenceResponse]:
        """Run the requests that Triton's dynamic batcher put together, but no cancelled ones."""
        cancels = [find_cancel(request, self._early_cancels) for request in requests]
        feeds = [
            {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
            for request, cancel in zip(requests, cancels, strict=True)
            if cancel is None
        ]
        if self._joins_requests:
            answers = iter(run_in_groups(self._run, feeds))
        else:
            answers = iter([run_in_groups(self._run, [feed])[0] for feed in feeds])
        return [
            _make_response(next(answers)) if cancel is None else make_error_response(cancel)
            for cancel in cancels
        ]

    def _run(self, feed: Tensors) -> Tensors:
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))


def _make_response(answer: Tensors | Exception) -> pb_utils.InferenceResponse:
    if isinstance(answer, Exception):
        return make_error_response(RequestFailed(f"onnx runtime error: {answer}", Code.INTERNAL))
    return pb_utils.InferenceResponse(
        [pb_utils.Tensor(name, array) for name, array in answer.items()]
    )
