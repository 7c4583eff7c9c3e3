"""A stand-in for TensorRT and for NVIDIA's driver: networks run on ONNX Runtime, in host memory.

It has what a release's real Python module has, and no more: its enums are made of the recorded
listing of one (`tensorrt_api/`), and `find_differences` compares its classes with that.
"""

import ctypes
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnxruntime import InferenceSession, SessionOptions

LISTINGS = Path(__file__).parent / "tensorrt_api"
RELEASES = ("10.13.2", "10.14.1", "10.16.1", "11.0.0", "11.4.0")
_TYPES = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}

Listing = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@dataclass
class Behaviour:
    """How a stand-in shall behave, and what it was told."""

    types: set[str]  # of tensors: the release's own
    builds: bool = True
    keeps_timings: bool = True  # else the timing cache is of another GPU
    changes: Callable[[Arrays], Arrays] = dict  # what is wrong with the answers of its plans
    told: dict[str, Any] = field(default_factory=lambda: {"shapes": {}})


def read_listing(release: str) -> Listing:
    """Return what the real module of a release has."""
    (path,) = LISTINGS.glob(f"{release}.*json")
    listing: Listing = json.loads(path.read_text(encoding="utf-8"))
    return listing


def find_differences(classes: dict[str, type], listing: Listing) -> list[str]:
    """Return what our classes have, or take, and the real ones do not."""
    return [
        f"{name}.{member}"
        for name, ours in classes.items()
        for member, value in vars(ours).items()
        if (member == "__init__" or not member.startswith("_"))
        and not _is_like(value, listing["classes"].get(name, {}).get(member))
    ]


def _is_like(value: Any, real: Any) -> bool:  # noqa: ANN401
    if isinstance(value, property):
        return bool(real == "property")
    if real is None or not inspect.isfunction(value):
        return bool(real == [])  # a plain attribute
    if real == []:  # only other objects make one: pybind says nothing of how
        return value.__name__ == "__init__"
    taken = [*inspect.signature(value).parameters.values()][1:]
    ours = [each.name + "=" * (each.default is not each.empty) for each in taken]
    # What may be left out may be left out of the stand-in, too.
    return any(ours == [a for a in each if a in ours or not a.endswith("=")] for each in real)


class Logger:
    WARNING = 2
    _behaviour: Behaviour

    def __init__(self, min_severity: int = 2) -> None:
        self._behaviour.told["severity"] = min_severity


class IHostMemory:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __bytes__(self) -> bytes:
        return self._content


class ITimingCache:
    def __init__(self, known: bytes) -> None:
        self._known = known

    def serialize(self) -> IHostMemory:
        return IHostMemory(b"timings")


class INetworkDefinition:
    def __init__(self) -> None:
        self._model = b""


class ParserError:
    def __init__(self, said: str) -> None:
        self._said = said

    def desc(self) -> str:
        return self._said


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: Logger) -> None:
        self._network = network
        self._behaviour = logger._behaviour
        self._errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def parse(self, model: bytes, path: str | None = None) -> bool:
        self._behaviour.told["parsed"] = Path(path or "")
        self._network._model = bytes(model)
        parsed = onnx.load_from_string(bytes(model))
        values = [*parsed.graph.input, *parsed.graph.output]
        found = {value.type.tensor_type.elem_type for value in values}
        found |= {
            each.i for node in parsed.graph.node for each in node.attribute if each.name == "to"
        }
        names = [onnx.TensorProto.DataType.Name(each) for each in sorted(found)]
        unknown = [n for n in names if n.replace("FLOAT16", "HALF") not in self._behaviour.types]
        self._errors = [f"Unsupported ONNX data type: {name}" for name in unknown]
        return not self._errors

    def get_error(self, index: int) -> ParserError:
        return ParserError(self._errors[index])


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, tuple[Any, ...]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: ANN401
        self._shapes[input] = (min, opt, max)


class IBuilderConfig:
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._cache: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: int, pool_size: int) -> None:
        self._behaviour.told["pool"] = (pool, pool_size)

    def clear_flag(self, flag: int) -> None:
        self._behaviour.told["cleared"] = flag

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._behaviour.told["shapes"] |= profile._shapes
        return 0

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        self._behaviour.told.setdefault("known_timings", []).append(serialized_timing_cache)
        return ITimingCache(serialized_timing_cache)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        self._behaviour.told["ignores_mismatch"] = ignore_mismatch
        if cache._known and not self._behaviour.keeps_timings:
            return False
        self._cache = cache
        return True

    def get_timing_cache(self) -> ITimingCache | None:
        return self._cache


class Builder:
    def __init__(self, logger: Logger) -> None:
        self._behaviour = logger._behaviour

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        self._behaviour.told["flags"] = flags
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig(self._behaviour)

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None:
        return IHostMemory(network._model) if self._behaviour.builds else None


class IExecutionContext:
    def __init__(self, engine: "ICudaEngine") -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._answers: Arrays = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        profile = self._engine._behaviour.told["shapes"].get(name)
        self._shapes[name] = shape
        limits = zip(shape, profile[0], profile[2], strict=True) if profile else ()
        return all(low <= size <= high for size, low, high in limits)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self._shapes:
            return self._shapes[name]
        zeros = {
            each.name: np.zeros(self._shapes[each.name], self._engine._dtype(each.name))
            for each in self._engine._session.get_inputs()
        }
        self._answers = self._engine._run(zeros)
        return tuple(self._answers[name].shape)

    def execute_async_v3(self, stream_handle: int) -> bool:
        inputs = {
            each.name: self._at(each.name, self._shapes[each.name])
            for each in self._engine._session.get_inputs()
        }
        for name, answer in self._engine._run(inputs).items():
            self._at(name, answer.shape)[...] = answer
        return True

    def _at(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        dtype = np.dtype(self._engine._dtype(name))
        size = int(np.prod(shape)) * dtype.itemsize
        memory = (ctypes.c_char * size).from_address(self._addresses[name])
        return np.ndarray(shape, dtype, memoryview(memory))


class ICudaEngine:
    def __init__(self, plan: bytes, module: "FakeTensorRT") -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self._session = InferenceSession(plan, options, providers=["CPUExecutionProvider"])
        self._module = module
        self._behaviour = module.behaviour
        tensors = [*self._session.get_inputs(), *self._session.get_outputs()]
        self._names = [each.name for each in tensors]
        self._elements = {each.name: each.type for each in tensors}

    @property
    def num_io_tensors(self) -> int:
        return len(self._names)

    def get_tensor_name(self, index: int) -> str:
        return str(self._names[index])

    def get_tensor_mode(self, name: str) -> int:
        is_output = name in {each.name for each in self._session.get_outputs()}
        mode = self._module.TensorIOMode
        return int(mode.OUTPUT if is_output else mode.INPUT)

    def get_tensor_dtype(self, name: str) -> int:
        dtype = np.dtype(self._dtype(name))
        (found,) = (known for known, each in _TYPES.items() if np.dtype(each) == dtype)
        return int(self._module.DataType[found])

    def create_execution_context(self) -> IExecutionContext:
        return IExecutionContext(self)

    def _dtype(self, name: str) -> Any:  # noqa: ANN401
        element = self._elements[name].removeprefix("tensor(").removesuffix(")")
        number = onnx.TensorProto.DataType.Value(element.upper())
        return np.dtype(helper.tensor_dtype_to_np_dtype(number))

    def _run(self, inputs: Arrays) -> Arrays:
        names = [each.name for each in self._session.get_outputs()]
        answers = dict(zip(names, self._session.run(names, inputs), strict=True))
        return self._behaviour.changes(answers)


class Runtime:
    _module: "FakeTensorRT"

    def __init__(self, logger: Logger) -> None:
        pass

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        return ICudaEngine(serialized_engine, self._module)


CLASSES: dict[str, type] = {
    each.__name__: each
    for each in (
        Builder,
        IBuilderConfig,
        ICudaEngine,
        IExecutionContext,
        IHostMemory,
        INetworkDefinition,
        IOptimizationProfile,
        ITimingCache,
        Logger,
        OnnxParser,
        ParserError,
        Runtime,
    )
}


class FakeTensorRT:
    """The module of one release."""

    Builder, OnnxParser = Builder, OnnxParser

    def __init__(self, release: str, **behaviour: Any) -> None:  # noqa: ANN401
        listing = read_listing(release)
        self.__version__ = listing["version"]
        self._enums = listing["enums"]
        self.behaviour = Behaviour(types=set(self._enums["DataType"]), **behaviour)
        self.told = self.behaviour.told
        self.Logger = type("Logger", (Logger,), {"_behaviour": self.behaviour})
        self.Runtime = type("Runtime", (Runtime,), {"_module": self})

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("_") or name not in self._enums:
            raise AttributeError(name)
        return IntEnum(name, self._enums[name])


class FakeDriver:
    """libcuda.so.1 of a machine with one H200; its memory is the host's."""

    GPU = "NVIDIA H200"
    CAPABILITY = (9, 0)

    def __init__(self, name: str) -> None:
        self.name = name
        self._held: dict[int, ctypes.Array[ctypes.c_char]] = {}

    def cuInit(self, flags: int) -> int:
        return flags

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: int) -> int:  # noqa: ANN401
        value._obj.value = {16: 132, 75: self.CAPABILITY[0], 76: self.CAPABILITY[1]}[attribute]
        return device

    def cuDeviceTotalMem_v2(self, value: Any, device: int) -> int:  # noqa: ANN401
        value._obj.value = 141 << 30
        return device

    def cuDeviceGetName(self, name: Any, size: int, device: int) -> int:  # noqa: ANN401
        name.value = self.GPU.encode()
        return device

    def cuDevicePrimaryCtxRetain(self, context: Any, device: int) -> int:  # noqa: ANN401
        return device

    def cuCtxSetCurrent(self, context: Any) -> int:  # noqa: ANN401
        return 0

    def cuMemAlloc_v2(self, address: Any, size: Any) -> int:  # noqa: ANN401
        memory = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(memory)
        self._held[address._obj.value] = memory
        return 0

    def cuMemFree_v2(self, address: Any) -> int:  # noqa: ANN401
        del self._held[address.value]
        return 0

    def cuMemcpyHtoD_v2(self, target: Any, source: Any, size: Any) -> int:  # noqa: ANN401
        ctypes.memmove(target.value, source, size.value)
        return 0

    def cuMemcpyDtoH_v2(self, target: Any, source: Any, size: Any) -> int:  # noqa: ANN401
        ctypes.memmove(target, source.value, size.value)
        return 0

    def cuCtxSynchronize(self) -> int:
        return 0
