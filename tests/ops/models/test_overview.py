from typing import cast

import pytest

from ops.models.overview import rows
from ops.triton.control import TritonControl
from tritone.card import COMPONENTS, component_name

BAD = "rain_vae_decoder"
WHY = "model.onnx is cut off"


class Index:
    """A Triton of which only the index is asked: it serves nothing."""

    def __init__(self, broken: tuple[str, str]) -> None:
        parts = [component_name("rain", component) for component in COMPONENTS]
        self._states = [("rain", "1", "UNAVAILABLE", "unloaded")]
        self._states += [(part, "1", "READY", "") for part in parts if part != BAD]
        self._states.append((BAD, "1", *broken))

    async def states(self) -> list[tuple[str, str, str, str]]:
        return self._states


@pytest.mark.parametrize(
    ("broken", "state", "reason"),
    [
        (("UNAVAILABLE", WHY), "failed", WHY),
        (("LOADING", ""), "loading", None),
        (("LOADING", WHY), "loading", WHY),
        (("UNAVAILABLE", "unloaded"), "off", None),
    ],
)
async def test_a_model_that_serves_nothing_has_a_row_that_says_why(
    broken: tuple[str, str], state: str, reason: str | None
) -> None:
    (row,) = await rows(cast("TritonControl", Index(broken)), ())
    assert (row.model, row.version, row.state) == ("rain", 1, state)
    assert (row.reason or "").endswith(reason or "")
    assert bool(row.reason) == bool(reason)
