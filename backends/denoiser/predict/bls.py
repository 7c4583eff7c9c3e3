"""The transformer as a Triton model, called through Triton's business logic scripting (BLS)."""

from __future__ import annotations

import time

from backends.errors import Code, RequestFailed
from backends.tensors import Tensors
from backends.triton import ask_model
from tritone.card import ModelCard
from tritone.refusals import DEAD_PROCESS
from tritone.sampling import Latents
from tritone.tensors import DENOISED, list_carried, name_handed_on, transformer

# How long a supervisor may take to load a model again whose process has died. A step can be
# repeated exactly, so the jobs can wait for that.
_HEALING_S = 5.0
_RETRY_S = 0.2


class BlsTransformer:
    """A transformer of the denoiser's own version number."""

    def __init__(self, name: str, version: int, card: ModelCard) -> None:
        """Call version `version` of the Triton model `name`."""
        self._name = name
        self._version = version
        self._inputs = [spec.name for spec in transformer(card).inputs]
        self._outputs = [spec.name for spec in transformer(card).outputs]
        self._carried = [spec.name for spec in list_carried(card)]

    def __call__(self, inputs: Tensors) -> Latents:
        """Return the denoised latents; wait for a transformer whose process has died.

        Raises:
            RequestFailed: the transformer's own error, code included.
        """
        give_up_at = time.monotonic() + _HEALING_S
        while True:
            try:
                return self._call(inputs)
            except RequestFailed as error:
                if DEAD_PROCESS not in str(error) or time.monotonic() > give_up_at:
                    raise
            time.sleep(_RETRY_S)

    def _call(self, inputs: Tensors) -> Latents:
        taken = {name: inputs[name] for name in self._inputs}
        answer = ask_model(self._name, self._version, taken, self._outputs)
        for name in self._outputs:  # Triton lets a model answer without one that it declares
            if name not in answer:
                raise RequestFailed(f"{self._name} answered without {name}", Code.INTERNAL)
        inputs |= {name: answer[name_handed_on(name)] for name in self._carried}
        return answer[DENOISED]
