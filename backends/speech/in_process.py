"""A voice's network in the speaker's own process, behind the `Network` seam. Knows no Triton."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.onnxruntime.session import InvalidModel, find_model_file, open_session

__all__ = ["InProcessNetwork", "InvalidModel"]


class InProcessNetwork:
    """One session on so many threads a call, so that its bits do not depend on the load."""

    def __init__(self, version_folder: Path, *, threads: int = 1) -> None:
        """Load the network of a version.

        Raises:
            InvalidModel: there is none.
        """
        path = find_model_file(version_folder, {"name": version_folder.parent.name})
        self._session = open_session(path, threads=threads, inter_threads=1)
        self._outputs = [each.name for each in self._session.get_outputs()]

    def __call__(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name.

        Raises:
            RequestFailed: the network did not take the inputs.
        """
        try:
            answers = self._session.run(self._outputs, inputs)
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise RequestFailed(f"onnx runtime error: {error}", Code.INTERNAL) from error
        return dict(zip(self._outputs, answers, strict=True))
