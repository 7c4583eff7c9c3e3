"""Random numbers by row: each row of a batch draws from a generator of its own."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_MASK = (1 << 63) - 1  # torch's generators take no more
_NORMAL = (torch.randn, torch.randn_like)
_UNIFORM = (torch.rand, torch.rand_like)


class RowNoise(TorchFunctionMode):
    """While it is entered, `torch.multinomial`, `randn` and `rand` draw row by row.

    The models of transformers draw from torch's one global generator, so what a row hears would
    depend on the rows beside it. It holds for the thread that enters it. A draw must begin with
    the dimension of the batch, perhaps times something: a row's own part is contiguous.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        """Give each row its generator."""
        super().__init__()
        self._generators = [torch.Generator(device).manual_seed(seed & _MASK) for seed in seeds]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 -- torch's own signature
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Draw by row what is random; leave the rest to torch."""
        kwargs = kwargs or {}
        if kwargs.get("generator") is None:
            if func is torch.multinomial:
                return self._multinomial(*args, **kwargs)
            if func in (*_NORMAL, *_UNIFORM):
                draw = torch.randn if func in _NORMAL else torch.rand
                return self._fill(draw, _shape(args, kwargs), _like(args, kwargs))
        return func(*args, **kwargs)

    def _multinomial(
        self, probabilities: torch.Tensor, num_samples: int, replacement: bool = False
    ) -> torch.Tensor:
        self._count_own(probabilities.shape)
        rows = probabilities.chunk(len(self._generators))
        parts = [
            torch.multinomial(row, num_samples, replacement, generator=generator)
            for row, generator in zip(rows, self._generators, strict=True)
        ]
        return torch.cat(parts)

    def _fill(
        self, draw: Callable[..., torch.Tensor], shape: tuple[int, ...], options: dict[str, Any]
    ) -> torch.Tensor:
        own = (self._count_own(shape), *shape[1:])
        return torch.cat([draw(own, generator=each, **options) for each in self._generators])

    def _count_own(self, shape: Sequence[int]) -> int:
        """Return how much of a draw's first dimension each row owns."""
        n_rows = len(self._generators)
        if not shape or shape[0] % n_rows:
            raise ValueError(f"{n_rows} rows cannot share a draw of {tuple(shape)}")
        return shape[0] // n_rows


def _shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    first = args[0] if args else kwargs["size"]
    if isinstance(first, torch.Tensor):
        return tuple(first.shape)
    return tuple(args) if isinstance(first, int) else tuple(first)


def _like(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    options = {key: kwargs[key] for key in ("dtype", "device") if kwargs.get(key) is not None}
    if args and isinstance(args[0], torch.Tensor):
        return {"dtype": args[0].dtype, "device": args[0].device} | options
    return options
