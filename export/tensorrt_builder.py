"""Building a TensorRT plan from a network.

Networks are strongly typed: precision is that of the ONNX file.
Source: TensorRT 10.13 to 11.4, Python API and migration guide (read 2026-11-29). Never run on a GPU
by our own tests: they use a stand-in that is compared with the real modules.
"""

from pathlib import Path
from typing import Any

import onnx

from export.errors import EngineError
from export.plans import replace_file
from export.profiles import EngineOptions, Profile
from export.tensorrt_library import parse_release

_ALWAYS_STRONGLY_TYPED = 11  # from this major version on there is no need of a flag


class Build:
    """Plans for one machine, and the timings that came of them."""

    def __init__(self, tensorrt: Any, options: EngineOptions) -> None:  # noqa: ANN401
        """Build nothing yet; `tensorrt` is the library's module."""
        self._tensorrt = tensorrt
        self.options = options
        self._logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        self._builder = tensorrt.Builder(self._logger)
        self._config: Any = None
        self.is_timing_cache_foreign = False

    def make_plan(self, network: onnx.ModelProto, path: Path, profile: Profile) -> bytes:
        """Return the plan of a network; weights outside of it lie beside `path`.

        Raises:
            EngineError: TensorRT cannot read the network, or cannot build it.
        """
        tensorrt = self._tensorrt
        config = self._config = self._builder.create_builder_config()
        definition = self._builder.create_network(_network_flags(tensorrt))
        _parse(tensorrt.OnnxParser(definition, self._logger), network, path)
        workspace = self.options.workspace_gib * 2**30
        config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, workspace)
        if not self.options.tf32:
            config.clear_flag(tensorrt.BuilderFlag.TF32)
        config.add_optimization_profile(self._make_shapes(profile))
        self._read_timings()
        plan = self._builder.build_serialized_network(definition, config)
        if plan is None:
            raise EngineError("TensorRT cannot build the network; its log above says why")
        return bytes(plan)

    def keep_timings(self) -> None:
        """Write what later builds on this GPU may use. Call it when the plan is written."""
        cache = self._config.get_timing_cache()
        if self.options.timing_cache is not None and cache is not None:
            replace_file(self.options.timing_cache, bytes(cache.serialize()))

    def _make_shapes(self, profile: Profile) -> Any:  # noqa: ANN401
        shapes = self._builder.create_optimization_profile()
        for name, (smallest, usual, largest) in profile.items():
            shapes.set_shape(name, smallest, usual, largest)
        return shapes

    def _read_timings(self) -> None:
        path, config = self.options.timing_cache, self._config
        if path is None:
            return
        known = path.read_bytes() if path.is_file() else b""
        if not config.set_timing_cache(config.create_timing_cache(known), False):
            # Of another GPU or release: TensorRT takes none of it, and says so in its answer only.
            self.is_timing_cache_foreign = True
            config.set_timing_cache(config.create_timing_cache(b""), False)


def _network_flags(tensorrt: Any) -> int:  # noqa: ANN401
    if parse_release(tensorrt.__version__)[0] >= _ALWAYS_STRONGLY_TYPED:
        return 0
    return 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def _parse(parser: Any, network: onnx.ModelProto, path: Path) -> None:  # noqa: ANN401
    if not parser.parse(network.SerializeToString(), str(path)):
        said = "\n".join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise EngineError(f"TensorRT cannot read {path}", detail=said)
