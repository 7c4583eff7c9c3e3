"""The precisions of an export: which networks each one changes, and how far off they may be."""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "fp16", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest relative L2 error against PyTorch in float32 that may be published."""

    component: float
    end_to_end: float


# Bounds of fp16, bf16 and int8 are about five times what the true architectures gave with random
# weights. A number has 11 bits in fp16 and 8 in bf16, whose exponents are those of fp32.
TOLERANCES: dict[Precision, Tolerance] = {
    "fp32": Tolerance(component=1e-4, end_to_end=1e-4),
    "fp16": Tolerance(component=1e-2, end_to_end=2e-2),
    "bf16": Tolerance(component=8e-2, end_to_end=1.6e-1),
    "int8": Tolerance(component=2e-1, end_to_end=3e-1),
}

# Other hardware computes the same files a little differently; wrong weights differ by about 1.
FINGERPRINT_TOLERANCES: dict[Precision, float] = {
    "fp32": 1e-2,
    "fp16": 5e-2,
    "bf16": 1.5e-1,
    "int8": 3e-1,
}

QUANTIZED = ("text_encoder", "transformer")
"""Networks that int8 changes; fp16 and bf16 change the transformer only, where nearly all the time
goes: T5 overflows in half precision, differential attention in the SAME decoder cancels, and ONNX
Runtime has no transposed convolution in bf16."""

FOR_GPUS: tuple[Precision, ...] = ("fp16", "bf16")
"""Precisions of which CPUs make nothing: slow in fp16, and no operators at all in bf16."""
