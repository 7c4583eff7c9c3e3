"""The GPU of this machine, asked through NVIDIA's driver (`libcuda.so.1`): no CUDA toolkit needed.

Source: CUDA driver API reference, enum CUdevice_attribute (read 2026-11-29).
"""

import ctypes
from dataclasses import dataclass

from export.errors import EngineError

_MULTIPROCESSORS, _MAJOR, _MINOR = 16, 75, 76
_NAME_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a plan is built for: another GPU of the same architecture may still be another."""

    name: str  # as in "NVIDIA H200"; a part of one says so: "NVIDIA H200 MIG 1g.18gb"
    architecture: str  # compute capability, as in "sm_90"
    multiprocessors: int

    @property
    def mig(self) -> str | None:
        """The profile of the part of a GPU that this is; None: all of it."""
        return self.name.partition(" MIG ")[2] or None


def open_driver() -> ctypes.CDLL:
    """Return the driver's library.

    Raises:
        EngineError: there is no NVIDIA driver or no GPU.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise EngineError("there is no NVIDIA driver here (libcuda.so.1)") from error
    check(driver.cuInit(0))
    return driver


def read_device(driver: ctypes.CDLL) -> Device:
    """Return the first GPU.

    Raises:
        EngineError: there is none that can be used.
    """

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        check(driver.cuDeviceGetAttribute(ctypes.byref(value), number, 0))
        return value.value

    name = ctypes.create_string_buffer(_NAME_BYTES)
    check(driver.cuDeviceGetName(name, _NAME_BYTES, 0))
    return Device(
        name=name.value.decode(),
        architecture=f"sm_{attribute(_MAJOR)}{attribute(_MINOR)}",
        multiprocessors=attribute(_MULTIPROCESSORS),
    )


def check(failed: int) -> None:
    """Look at what a call of the driver returned.

    Raises:
        EngineError: it is an error.
    """
    if failed:
        raise EngineError(f"there is no usable NVIDIA GPU here (CUDA error {failed})")
