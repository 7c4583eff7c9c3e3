"""A stand-in for the TensorRT of the serving image: it remembers what it is told."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any


class FakeTensorRT(SimpleNamespace):
    """The part of the module `tensorrt` that is used, in the manner of one release."""

    def __init__(self, version: str, *, parses: bool = True, builds: bool = True) -> None:
        self.told: dict[str, Any] = {"shapes": {}}
        told = self.told

        class Logger:
            WARNING = 2

            def __init__(self, severity: int) -> None:
                told["severity"] = severity

        class OnnxParser:
            num_errors = 1

            def __init__(self, network: object, logger: Logger) -> None:
                told["network"] = network

            def parse_from_file(self, path: str) -> bool:
                told["parsed"] = Path(path)
                return parses

            def get_error(self, index: int) -> str:
                return f"error {index}: unknown operator"

        class Cache:
            def serialize(self) -> bytes:
                return b"timings"

        class Config:
            def set_memory_pool_limit(self, pool: str, size: int) -> None:
                told["pool"] = (pool, size)

            def add_optimization_profile(self, profile: object) -> None:
                told["profile"] = profile

            def create_timing_cache(self, known: bytes) -> Cache:
                told["known_timings"] = known
                return Cache()

            def set_timing_cache(self, cache: Cache, ignore_mismatch: bool) -> None:
                told["ignores_mismatch"] = ignore_mismatch

            def get_timing_cache(self) -> Cache:
                return Cache()

        class Shapes:
            def set_shape(self, name: str, *shapes: tuple[int, ...]) -> None:
                told["shapes"][name] = shapes

        class Builder:
            def __init__(self, logger: Logger) -> None:
                self.logger = logger

            def create_network(self, flags: int) -> str:
                told["flags"] = flags
                return "network"

            def create_builder_config(self) -> Config:
                return Config()

            def create_optimization_profile(self) -> Shapes:
                return Shapes()

            def build_serialized_network(self, network: str, config: Config) -> memoryview | None:
                return memoryview(b"plan of " + network.encode()) if builds else None

        super().__init__(
            __version__=version,
            Logger=Logger,
            Builder=Builder,
            OnnxParser=OnnxParser,
            MemoryPoolType=SimpleNamespace(WORKSPACE="workspace"),
            NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=1),
        )
        self.told = told
