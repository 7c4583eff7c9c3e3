"""How many passes of other processes a Triton has, by its own account.

Each frontend knows its own passes only. Where there are many frontends, those of the others are
nearly all of a Triton's load.
"""

import asyncio
from collections import Counter

from frontend.errors import TritoneError
from frontend.triton.background import BackgroundTasks
from frontend.triton.control import Control

PATIENCE_S = 0.05
"""How long a choice waits for an answer; a question takes a millisecond or two."""


class ForeignPasses:
    """Asks the models for their passes, and subtracts ours. Use from one event loop only."""

    def __init__(
        self, control: Control, background: BackgroundTasks, patience_s: float = PATIENCE_S
    ) -> None:
        """Know of none yet."""
        self._control = control
        self._background = background
        self._patience_s = patience_s
        self._own: Counter[str] = Counter()  # by model
        self._foreign: dict[str, int] = {}  # the same, as last said
        self._asked: dict[str, asyncio.Task[None]] = {}

    @property
    def total(self) -> int:
        """Passes of others, of all models."""
        return sum(self._foreign.values())

    def begin_own(self, model: str) -> None:
        """Know of a pass of ours."""
        self._own[model] += 1

    def end_own(self, model: str) -> None:
        """Know that a pass of ours has ended."""
        self._own[model] -= 1

    def look(self, models: set[str]) -> None:
        """Ask each model. Waits for nothing: `total` follows as the answers come."""
        self._foreign = {name: n for name, n in self._foreign.items() if name in models}
        for model in models:
            self._start(model)

    async def look_now(self, model: str) -> None:
        """Ask one model, and wait for its answer, but not for long."""
        await asyncio.wait([self._start(model)], timeout=self._patience_s)

    def _start(self, model: str) -> asyncio.Task[None]:
        if model not in self._asked:
            self._asked[model] = self._background.start(self._ask(model))
        return self._asked[model]

    async def _ask(self, model: str) -> None:
        try:
            n_passes = await self._control.count_passes(model)
        except TritoneError:
            n_passes = None  # it is away, or too old to say it
        finally:
            self._asked.pop(model, None)
        self._foreign[model] = max(0, (n_passes or 0) - self._own[model])
