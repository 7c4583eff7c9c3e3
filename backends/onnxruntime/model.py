"""Triton backend `onnxruntime` for a pip-installed Triton: a drop-in for NGC's native backend.

Triton looks for `libtriton_onnxruntime.so` first: where the native backend is installed, this file
is never used and the same model repository runs on both. CPU only.
"""

from __future__ import annotations

from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from backends.onnxruntime.batching import Tensors, run_grouped
from backends.onnxruntime.session import InvalidModel, check_tensors, configured_session, model_file
from backends.triton import error_response, model_config


class TritonPythonModel:
    """One instance (a process of its own) of one network."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network of this version.

        Raises:
            TritonModelException: the network does not fit its configuration.
        """
        config = model_config(args)
        folder = Path(args["model_repository"], args["model_version"])
        try:
            self._session = configured_session(model_file(folder, config), config)
            check_tensors(self._session, config)
        except InvalidModel as error:
            name = config["name"]
            raise pb_utils.TritonModelException(
                f"unable to load model '{name}': {error}"
            ) from error
        self._outputs = [output["name"] for output in config["output"]]
        self._joins_requests = config["max_batch_size"] > 0

    def execute(
        self, requests: list[pb_utils.InferenceRequest]
    ) -> list[pb_utils.InferenceResponse]:
        """Run the requests that Triton's dynamic batcher put together."""
        feeds = [{t.name(): t.as_numpy() for t in request.inputs()} for request in requests]
        if self._joins_requests:
            answers = run_grouped(self._run, feeds)
        else:
            answers = [run_grouped(self._run, [feed])[0] for feed in feeds]
        return [_response(answer) for answer in answers]

    def _run(self, feed: Tensors) -> Tensors:
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))


def _response(answer: Tensors | Exception) -> pb_utils.InferenceResponse:
    if isinstance(answer, Exception):
        return error_response(RequestFailed(f"onnx runtime error: {answer}", Code.INTERNAL))
    return pb_utils.InferenceResponse(
        [pb_utils.Tensor(name, array) for name, array in answer.items()]
    )
