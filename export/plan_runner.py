"""Runs a TensorRT plan for a check, with NVIDIA's driver alone: no torch, no CUDA toolkit."""

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np

from export.errors import EngineError
from export.probes import Array, Arrays
from tritone.gpu import check

_DEFAULT_STREAM = 0
_DTYPES = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}


class PlanRunner:
    """One plan on the first GPU; call it with inputs by name."""

    def __init__(self, tensorrt: Any, driver: ctypes.CDLL, plan: bytes) -> None:  # noqa: ANN401
        """Load the plan.

        Raises:
            EngineError: TensorRT does not take it, or the GPU cannot be used.
        """
        self._driver = driver
        context = ctypes.c_void_p()
        check(driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
        check(driver.cuCtxSetCurrent(context))
        self._runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineError("TensorRT does not load the plan that it has built")
        self._execution = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        is_input = {
            name: self._engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT
            for name in names
        }
        self._inputs = [name for name in names if is_input[name]]
        self._outputs = [name for name in names if not is_input[name]]
        known = {int(tensorrt.DataType[name]): dtype for name, dtype in _DTYPES.items()}
        self._dtypes = {name: known[int(self._engine.get_tensor_dtype(name))] for name in names}

    def __call__(self, given: Mapping[str, Array]) -> Arrays:
        """Return the outputs by name; inputs that the plan does not take are left out.

        Raises:
            EngineError: the plan does not take their shapes, or fails.
        """
        inputs = {
            name: np.ascontiguousarray(given[name], self._dtypes[name]) for name in self._inputs
        }
        for name, array in inputs.items():
            if not self._execution.set_input_shape(name, array.shape):
                raise EngineError(f"the plan does not take {array.shape} of {name}")
        outputs: Arrays = {
            name: np.empty(tuple(self._execution.get_tensor_shape(name)), self._dtypes[name])
            for name in self._outputs
        }
        memory: list[ctypes.c_void_p] = []
        try:
            addresses = {
                name: self._place(name, array, memory) for name, array in (inputs | outputs).items()
            }
            for name, array in inputs.items():
                size = ctypes.c_size_t(array.nbytes)
                check(self._driver.cuMemcpyHtoD_v2(addresses[name], _pointer(array), size))
            if not self._execution.execute_async_v3(_DEFAULT_STREAM):
                raise EngineError("TensorRT does not run the plan that it has built")
            check(self._driver.cuCtxSynchronize())
            for name, array in outputs.items():
                size = ctypes.c_size_t(array.nbytes)
                check(self._driver.cuMemcpyDtoH_v2(_pointer(array), addresses[name], size))
        finally:
            for address in memory:
                self._driver.cuMemFree_v2(address)
        return outputs

    def _place(self, name: str, array: Array, memory: list[ctypes.c_void_p]) -> ctypes.c_void_p:
        address, size = ctypes.c_void_p(), ctypes.c_size_t(max(1, array.nbytes))
        check(self._driver.cuMemAlloc_v2(ctypes.byref(address), size))
        memory.append(address)
        self._execution.set_tensor_address(name, address.value)
        return address


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
