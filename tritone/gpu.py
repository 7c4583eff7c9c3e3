"""The GPU of this machine, asked through NVIDIA's driver (`libcuda.so.1`): no CUDA toolkit needed.

Source: CUDA driver API reference, enum CUdevice_attribute (read 2026-11-29).
"""

import ctypes
from dataclasses import dataclass

_MULTIPROCESSORS, _MAJOR, _MINOR = 16, 75, 76
_NAME_BYTES = 256


class NoGpu(RuntimeError):
    """There is no GPU that can be used; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU, or a part of one."""

    name: str  # as in "NVIDIA H200"; a part says so: "NVIDIA H200 MIG 1g.18gb"
    architecture: str  # compute capability, as in "sm_90"
    multiprocessors: int
    n_bytes: int  # of its memory

    @property
    def mig(self) -> str | None:
        """The profile of the part of a GPU that this is; None: all of it."""
        return self.name.partition(" MIG ")[2] or None

    def __str__(self) -> str:
        """Say it in one line, with its memory."""
        return f"{self.name} ({self.architecture}, {self.n_bytes / 2**30:.0f} GiB)"


def open_driver() -> ctypes.CDLL:
    """Return the driver's library.

    Raises:
        NoGpu: there is no NVIDIA driver, or no GPU.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise NoGpu("there is no NVIDIA driver here (libcuda.so.1)") from error
    check(driver.cuInit(0))
    return driver


def read_gpu(driver: ctypes.CDLL) -> Gpu:
    """Return the first GPU.

    Raises:
        NoGpu: there is none that can be used.
    """

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        check(driver.cuDeviceGetAttribute(ctypes.byref(value), number, 0))
        return value.value

    name, n_bytes = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_size_t()
    check(driver.cuDeviceGetName(name, _NAME_BYTES, 0))
    check(driver.cuDeviceTotalMem_v2(ctypes.byref(n_bytes), 0))
    return Gpu(
        name=name.value.decode(),
        architecture=f"sm_{attribute(_MAJOR)}{attribute(_MINOR)}",
        multiprocessors=attribute(_MULTIPROCESSORS),
        n_bytes=n_bytes.value,
    )


def check(failed: int) -> None:
    """Look at what a call of the driver returned.

    Raises:
        NoGpu: it is an error.
    """
    if failed:
        raise NoGpu(f"there is no usable NVIDIA GPU here (CUDA error {failed})")
