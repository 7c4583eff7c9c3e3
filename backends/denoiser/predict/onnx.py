"""The transformer as an ONNX Runtime session in the denoiser's own process.

Knows no Triton. It saves a hop to another process at every step, and the lanes share one network.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.onnxruntime.session import check_tensors, find_model_file, open_session
from backends.tensors import Tensors
from tritone.card import ModelCard
from tritone.placement import CPU
from tritone.sampling import NO_GUIDANCE, Latents
from tritone.tensors import (
    DENOISED,
    GUIDANCE_SCALE,
    LATENTS,
    OF_GUIDED_ROWS,
    ModelIO,
    TensorSpec,
    list_carried,
    name_handed_on,
    transformer,
)


class OnnxTransformer:
    """One session over the transformer's file; any number of threads may call it together."""

    def __init__(
        self,
        version_folder: Path,
        card: ModelCard,
        *,
        threads: int,
        device: str = CPU,
        device_options: Mapping[str, str] | None = None,
    ) -> None:
        """Load the network of a version; each call uses `threads` CPU threads, or the device.

        Raises:
            InvalidModel: there is none, or it does not fit the card.
        """
        self._inputs = [spec.name for spec in transformer(card).inputs]
        self._carried = [spec.name for spec in list_carried(card)]
        config = _make_config(version_folder.parent.name, transformer(card))
        self._session = open_session(
            find_model_file(version_folder, config),
            threads=threads,
            device=device,
            device_options=device_options,
        )
        check_tensors(self._session, config)
        rows = {each.name: each.shape[0] for each in self._session.get_inputs()}
        # Older exports want one batch size of all inputs, as Triton does.
        self._can_spare_rows = any(
            rows[name] != rows[LATENTS] for name in OF_GUIDED_ROWS if name in rows
        )

    def __call__(self, inputs: Tensors) -> Latents:
        """Return the denoised latents.

        Raises:
            RequestFailed: the network did not take the inputs.
        """
        feed = {name: inputs[name] for name in self._inputs}
        order = np.arange(len(feed[LATENTS]))
        if self._can_spare_rows:
            feed, order = _put_guided_first(feed)
        try:
            answer, *others = self._session.run(
                [DENOISED, *map(name_handed_on, self._carried)], feed
            )
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise RequestFailed(f"onnx runtime error: {error}", Code.INTERNAL) from error
        for name, guided in zip(self._carried, others, strict=True):
            inputs[name] = _replace_rows(inputs[name], order[: len(guided)], guided)
        return np.asarray(answer, np.float32)[np.argsort(order)]


def _put_guided_first(feed: Tensors) -> tuple[Tensors, NDArray[np.intp]]:
    """Return the inputs with the guided rows first, and the order that they were put into.

    The negative conditioning is that of the guided rows only.
    """
    is_guided = feed[GUIDANCE_SCALE][:, 0] > NO_GUIDANCE
    order = np.argsort(~is_guided, kind="stable")
    guided = order[: is_guided.sum()]
    rows = {name: guided if name in OF_GUIDED_ROWS else order for name in feed}
    return {name: tensor[rows[name]] for name, tensor in feed.items()}, order


def _replace_rows(
    tensor: NDArray[Any], rows: NDArray[np.intp], others: NDArray[Any]
) -> NDArray[Any]:
    replaced = tensor.copy()
    replaced[rows] = others
    return replaced


def _make_config(name: str, io: ModelIO) -> dict[str, Any]:
    """Return what Triton's configuration of the transformer would say of its tensors."""
    return {
        "name": name,
        "max_batch_size": 1,
        "input": [_make_tensor(spec) for spec in io.inputs],
        "output": [_make_tensor(spec) for spec in io.outputs],
    }


def _make_tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "data_type": f"TYPE_{spec.dtype}", "dims": spec.dims}
