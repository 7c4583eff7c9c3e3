"""Stands in for `triton_python_backend_utils`, which exists inside Triton's python stub only.

Its senders behave as Triton's do, except that what crashes Triton is noted as a fault here. The
models that it can call (`MODELS`) run on a GPU: so do their answers, unless they are asked for in
the memory of the CPU.
"""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1
TRITONSERVER_MEMORY_CPU, TRITONSERVER_MEMORY_GPU = range(2)

Arrays = dict[str, NDArray[Any]]
MODELS: dict[tuple[str, int], Callable[[Arrays], "Arrays | TritonError"]] = {}
"""The models that requests of business logic scripting reach, by name and version."""


class TritonModelException(Exception):
    pass


class TritonError:
    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG = range(4)
    UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS, CANCELLED = range(4, 8)

    def __init__(self, message: str, code: int = 1) -> None:
        self._message, self._code = message, code

    def message(self) -> str:
        return self._message

    def code(self) -> int:
        return self._code


class Tensor:
    def __init__(self, name: str, array: NDArray[Any], *, is_cpu: bool = True) -> None:
        self._name, self._array, self._is_cpu = name, array, is_cpu

    def name(self) -> str:
        return self._name

    def is_cpu(self) -> bool:
        return self._is_cpu

    def as_numpy(self) -> NDArray[Any]:
        if not self._is_cpu:
            raise TritonModelException("Tensor is stored in GPU and cannot be converted to NumPy.")
        return self._array


class InferenceResponse:
    def __init__(
        self, output_tensors: list[Tensor] | None = None, error: TritonError | None = None
    ) -> None:
        self._tensors, self._error = output_tensors or [], error

    def has_error(self) -> bool:
        return self._error is not None

    def error(self) -> TritonError:
        assert self._error is not None
        return self._error

    def output_tensors(self) -> list[Tensor]:
        return self._tensors


class PreferredMemory:
    def __init__(self, preferred_memory_type: int, preferred_device_id: int = 0) -> None:
        self.is_cpu = preferred_memory_type == TRITONSERVER_MEMORY_CPU


class InferenceRequest:
    """A request to another model."""

    def __init__(
        self,
        *,
        model_name: str,
        requested_output_names: list[str],
        inputs: list[Tensor],
        model_version: int = -1,
        timeout: int = 0,
        preferred_memory: PreferredMemory | None = None,
    ) -> None:
        self._model = MODELS[model_name, model_version]
        self._wanted = requested_output_names
        self._inputs = inputs
        self._is_cpu = preferred_memory is not None and preferred_memory.is_cpu

    def exec(self) -> InferenceResponse:
        answer = self._model({each.name(): each.as_numpy() for each in self._inputs})
        if isinstance(answer, TritonError):
            return InferenceResponse(error=answer)
        return InferenceResponse(
            [
                Tensor(name, array, is_cpu=self._is_cpu)
                for name, array in answer.items()
                if not self._wanted or name in self._wanted
            ]
        )


class Sender:
    """A response sender; `faults` are uses that Triton may not survive."""

    def __init__(self, while_asked: Callable[[], object] = lambda: None) -> None:
        self._while_asked = while_asked
        self._is_freed = False
        self.responses: list[InferenceResponse] = []
        self.faults: list[str] = []
        self.client_is_gone = False
        self.is_answered = threading.Event()

    def is_cancelled(self) -> bool:
        self._note("asked after the final answer")
        self._while_asked()
        self._note("answered while it was asked")
        return self.client_is_gone

    def send(self, response: InferenceResponse | None = None, flags: int = 0) -> None:
        self._note("answered after the final answer")
        self._is_freed = flags == TRITONSERVER_RESPONSE_COMPLETE_FINAL
        if response is not None:
            self.responses.append(response)
        self.is_answered.set()

    def _note(self, fault: str) -> None:
        if self._is_freed:
            self.faults.append(fault)


class Request:
    """A request to a backend."""

    def __init__(
        self, tensors: dict[str, NDArray[Any]], parameters: str = "", sender: Sender | None = None
    ) -> None:
        self._tensors = [Tensor(name, array) for name, array in tensors.items()]
        self._parameters = parameters
        self._sender = sender or Sender()

    def inputs(self) -> list[Tensor]:
        return self._tensors

    def parameters(self) -> str:
        return self._parameters

    def request_id(self) -> str:
        return ""

    def timeout(self) -> int:
        return 0

    def get_response_sender(self) -> Sender:
        return self._sender


class Metric:
    n_deleted: ClassVar[int] = 0

    def __init__(self) -> None:
        self.value = 0.0

    def __del__(self) -> None:
        Metric.n_deleted += 1

    def increment(self, value: float) -> None:
        self.value += value

    def set(self, value: float) -> None:
        self.value = value


class MetricFamily:
    COUNTER, GAUGE = range(2)
    n_deleted: ClassVar[int] = 0

    def __init__(self, *, name: str, description: str, kind: int) -> None:
        pass

    def __del__(self) -> None:
        MetricFamily.n_deleted += 1

    def Metric(self, *, labels: dict[str, str]) -> Metric:
        return Metric()


class Logger:
    lines: ClassVar[list[tuple[str, str]]] = []

    @classmethod
    def log_info(cls, message: str) -> None:
        cls.lines.append(("info", message))

    @classmethod
    def log_warn(cls, message: str) -> None:
        cls.lines.append(("warning", message))


def get_input_tensor_by_name(request: Request, name: str) -> Tensor | None:
    return next((tensor for tensor in request.inputs() if tensor.name() == name), None)
