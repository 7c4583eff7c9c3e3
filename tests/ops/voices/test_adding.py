"""A voice that harms the running stack, or cannot be tried, does not stay published."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from ops.errors import CannotStart, TritonCallFailed
from ops.settings import Settings
from ops.stack.running_stack import RunningStack, announce
from ops.triton.control import TritonControl
from ops.voices import adding, trial
from ops.voices.added import AddedVoices
from ops.voices.adding import publish, remove
from ops.voices.publishing import Publication
from ops.voices.trial import TrialFailed, try_voice
from tests.cards import TALKER

NOWHERE = "127.0.0.1:1"  # no Triton answers there
TALKING = Publication(
    card=TALKER, network=None, network_spec=None, source="a test", licence="MIT", precision=""
)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Those of a stack whose Triton is away."""
    stack = RunningStack(
        pid=os.getpid(),
        triton=NOWHERE,
        triton_metrics=None,
        frontend=None,
        model_repository=str(tmp_path / "models"),
    )
    with announce(tmp_path / "state", stack):
        yield Settings(model_repository=tmp_path / "models", state_directory=tmp_path / "state")


def names_left(settings: Settings) -> set[str]:
    folder = AddedVoices.of_state(settings.resolved_state_directory()).folder
    return {each.name for each in folder.iterdir()}


def test_a_voice_whose_triton_stays_away_is_taken_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_LOAD_TIMEOUT_S", 0.2)
    with pytest.raises(TrialFailed, match=r"has not loaded talker within .* does not answer"):
        publish(settings, TALKING)
    assert names_left(settings) == set()


@pytest.mark.parametrize(
    "error",
    [TrialFailed("silent"), TritonCallFailed("away"), CannotStart("x"), KeyboardInterrupt()],
)
def test_whatever_ends_the_trial_the_voice_is_taken_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    published: list[set[str]] = []

    async def fail(*_: object) -> float:
        published.append(names_left(settings))
        raise error

    monkeypatch.setattr(adding, "try_voice", fail)
    with pytest.raises(type(error)):
        publish(settings, TALKING)
    assert published == [{"talker", "talker_speaker"}]
    assert names_left(settings) == set()


def test_a_removed_voice_leaves_no_files_though_triton_is_away(settings: Settings) -> None:
    AddedVoices.of_state(settings.resolved_state_directory()).publish(TALKING)
    with pytest.raises(TritonCallFailed):
        remove(settings, "talker")
    assert names_left(settings) == set()


class Restarting:
    """A Triton that does not answer at first, as while it is started anew."""

    def __init__(self, n_silent: int) -> None:
        self._n_silent = n_silent

    async def states(self) -> list[tuple[str, str, str, str]]:
        self._n_silent -= 1
        if self._n_silent >= 0:
            raise TritonCallFailed("failed to connect")
        return [("talker", "1", "READY", "")]

    async def ask(self, *_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(as_numpy=lambda _: np.full((1, 1, 100), 9999, np.int16))]


async def test_a_triton_that_restarts_is_waited_for() -> None:
    control = cast("TritonControl", Restarting(n_silent=2))
    assert await try_voice(control, TALKER) >= 0.0
