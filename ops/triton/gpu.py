"""A GPU for ONNX Runtime in the processes of our own backends: no Docker, no CUDA toolkit."""

from ops.errors import CannotStart
from tritone.gpu import Gpu, NoGpu, open_driver, read_gpu

_CUDA = "CUDAExecutionProvider"


def require_gpu(triton_url: str | None) -> Gpu:
    """Return the GPU that backends shall use; `triton_url` is that of somebody else's Triton.

    Raises:
        CannotStart: there is none, or ONNX Runtime cannot use it; says what to do.
    """
    if triton_url is not None:
        raise CannotStart(f"--gpu: the Triton at {triton_url} decides for itself what it uses")
    try:
        gpu = read_gpu(open_driver())
    except NoGpu as error:
        raise CannotStart(f"--gpu: {error}; without --gpu everything runs on the CPU") from error
    if _CUDA not in _list_providers():
        raise CannotStart(
            "--gpu: this ONNX Runtime knows CPUs only; run: pip uninstall -y onnxruntime && "
            "pip install 'tritone[gpu]'"
        )
    return gpu


def _list_providers() -> list[str]:
    # Imported here only: it takes a while, and serving on CPUs needs it in the backends alone.
    import onnxruntime  # noqa: PLC0415

    return list(onnxruntime.get_available_providers())
