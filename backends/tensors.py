"""What networks take and give, and the requests around them. Knows no Triton."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
"""Arrays by the names of tensors. Where requests share a call, each is [batch, ...]."""
