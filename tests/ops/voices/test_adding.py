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


States = list[tuple[str, str, str, str]]
LOADED: States = [("talker_speaker", "1", "READY", ""), ("talker", "1", "READY", "")]


class Scripted:
    """A Triton that says one thing after the other; None: it does not answer."""

    def __init__(self, *looks: States | None) -> None:
        self._looks = list(looks)

    async def states(self) -> States:
        states = self._looks.pop(0)
        if states is None:
            raise TritonCallFailed("failed to connect")
        return states

    async def ask(self, *_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(as_numpy=lambda _: np.full((1, 1, 100), 9999, np.int16))]


def failed(why: str) -> States:
    """Return what Triton lists where a part fails: of the ensemble it lists nothing."""
    return [("talker_speaker", "1", "UNAVAILABLE", why), ("talker", "", "", "")]


@pytest.mark.parametrize(
    "looks",
    [
        ([], None, None, LOADED),
        (failed("of yesterday"), failed("of yesterday"), LOADED),
        (failed("unloaded"), failed(""), LOADED),
    ],
)
async def test_a_triton_that_restarts_or_remembers_another_voice_is_waited_for(
    looks: tuple[States | None, ...],
) -> None:
    control = cast("TritonControl", Scripted(*looks))
    assert await try_voice(control, TALKER) >= 0.0


@pytest.mark.parametrize(
    "looks",
    [
        ([], failed("no torch\nTraceback")),
        (failed("of yesterday"), failed("no torch")),
        (failed("no torch"), None, failed("no torch")),
    ],
)
async def test_what_a_part_says_is_why_a_voice_is_not_loaded(
    looks: tuple[States | None, ...],
) -> None:
    control = cast("TritonControl", Scripted(*looks))
    with pytest.raises(TrialFailed, match=r"^the stack cannot load talker: no torch$"):
        await try_voice(control, TALKER)
