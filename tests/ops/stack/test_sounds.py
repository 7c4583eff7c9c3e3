"""When our Triton is restarted because its sounds have stopped."""

from dataclasses import dataclass, field
from http.client import IncompleteRead
from itertools import pairwise
from typing import Any

import pytest

from ops.stack.sounds import SilenceWatch

STOPPED = {"starter": "3 passes in a row failed, and a short sound: GenerationFailed"}
HEARD = {"status": "ready", "models": ["starter"], "all_sounds_stopped": {}}
SILENT = {"status": "unavailable", "models": ["starter"], "all_sounds_stopped": STOPPED}


@dataclass
class Scene:
    """A frontend whose answers are known, and a clock."""

    body: Any = None
    now: float = 1000.0
    restarts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = SilenceWatch("http://frontend", self._restart, self._fetch, lambda: self.now)

    def _restart(self) -> None:
        self.restarts.append(self.now)

    async def _fetch(self, url: str, _timeout_s: float) -> object:
        assert url == "http://frontend/readyz?verbose"
        if isinstance(self.body, Exception):
            raise self.body
        return self.body

    async def show(self, body: object, seconds: float) -> None:
        """Look every second at the same answer."""
        self.body = body
        for _ in range(round(seconds)):
            self.now += 1
            await self.watch.look()


async def test_triton_is_restarted_once_sounds_have_stopped_for_a_while() -> None:
    scene = Scene()
    await scene.show(HEARD, 100)
    await scene.show(SILENT, 3)
    assert not scene.restarts
    await scene.show(SILENT, 3)
    assert len(scene.restarts) == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        HEARD,
        {"status": "unavailable", "reason": "Triton cannot be reached"},
        {**HEARD, "sounds_stopped": STOPPED},  # another model still makes them
        {
            **HEARD,
            "sounds_stopped": STOPPED,
            "status": "unavailable",
        },  # not ready for another cause
        {"status": "unavailable", "all_sounds_stopped": None},
        IncompleteRead(b"{"),
    ],
)
async def test_anything_else_is_no_reason(body: object) -> None:
    scene = Scene()
    await scene.show(body, 100)
    assert not scene.restarts


async def test_sounds_that_come_again_by_themselves_are_no_reason() -> None:
    scene = Scene()
    for _ in range(20):
        await scene.show(SILENT, 3)
        await scene.show(HEARD, 1)
    assert not scene.restarts


async def test_what_a_restart_does_not_mend_is_restarted_for_less_and_less_often() -> None:
    scene = Scene()
    await scene.show(SILENT, 4 * 3600)
    pauses = [after - before for before, after in pairwise(scene.restarts)]
    assert pauses[0] >= 60
    assert pauses == sorted(pauses)
    assert max(pauses) >= 1800
    assert len(scene.restarts) < 12


async def test_after_a_long_time_with_sounds_it_is_restarted_as_soon_as_at_first() -> None:
    scene = Scene()
    await scene.show(SILENT, 3600)
    scene.restarts.clear()
    scene.now += 3 * 3600
    await scene.show(HEARD, 1)
    await scene.show(SILENT, 120)
    assert len(scene.restarts) == 2
