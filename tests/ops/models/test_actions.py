import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from ops.models.actions import Operator
from ops.models.errors import ModelsError, Refused
from ops.models.overview import rows
from tests.ops.models.triton import STEPS, FakeTriton
from tests.sleeping import replace_sleep
from tritone.card import COMPONENTS, ModelCard, component_name
from tritone.pcm import Pcm
from tritone.placement import IN_PROCESS
from tritone.versions import VERSIONS_PARAMETER, Lineup

COMPONENT_NAMES = [component_name("starter", component) for component in COMPONENTS]


@pytest.fixture
def triton(card: ModelCard) -> FakeTriton:
    return FakeTriton(card, on_disk={1, 2, 3})


@pytest.fixture
def operator(triton: FakeTriton) -> Operator:
    return Operator(
        control=triton.control,
        repository=None,
        timeout_s=1.0,
        look_s=0.0,
        needs_fingerprint=False,
    )


def tone(hz: float) -> Pcm:
    wave = 8_000 * np.sin(2 * np.pi * hz / 16_000 * np.arange(80_000))
    pcm: Pcm = wave.astype(np.int16)[np.newaxis]
    return pcm


def sounds() -> list[Pcm | str]:
    return [tone(440.0), tone(700.0)]


def lineup(triton: FakeTriton) -> Lineup:
    parameters = triton.configs["starter"].parameters
    return Lineup.from_json(parameters[VERSIONS_PARAMETER].string_value)


async def test_a_promoted_version_answers_and_the_one_before_stays_loaded(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = sounds()
    served, tried = await operator.promote("starter", 2)
    assert served.version == 2
    assert tried is not None
    assert tried.difference > 1
    assert triton.pinned() == {2}
    assert triton.loaded["starter"] == {2}
    assert lineup(triton) == Lineup(previous=1)
    assert all(triton.loaded[name] == {1, 2} for name in COMPONENT_NAMES)
    assert "starter@2" not in triton.loaded


async def test_everything_is_loaded_before_the_switch(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)
    order = [name for name, _ in triton.loads]
    assert order[0] == "starter_transformer"  # called by the denoiser
    assert order.index("starter") > max(map(order.index, [*COMPONENT_NAMES, "starter@2"]))


async def test_the_third_version_lets_the_first_go(triton: FakeTriton, operator: Operator) -> None:
    triton.sounds = {"starter@2": sounds(), "starter@3": sounds()}
    await operator.promote("starter", 2)
    await operator.promote("starter", 3)
    assert lineup(triton) == Lineup(previous=2)
    assert all(triton.loaded[name] == {2, 3} for name in COMPONENT_NAMES)


async def test_rolling_back_there_and_again(triton: FakeTriton, operator: Operator) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)
    triton.loads.clear()
    assert (await operator.rollback("starter")).version == 1
    assert triton.loads[-1] == ("starter", (1,))
    # Everything is loaded: what is loaded over it is the same, and brings no new version.
    assert {versions for _, versions in triton.loads[:-1]} == {(1, 2)}
    assert (await operator.rollback("starter")).version == 2


async def test_files_that_changed_meanwhile_interrupt_nobody(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)
    triton.newer_files = set(COMPONENT_NAMES)
    await operator.rollback("starter")
    assert triton.interrupted == []
    assert triton.pinned() == {1}


async def test_without_a_previous_version_there_is_no_way_back(operator: Operator) -> None:
    with pytest.raises(ModelsError, match="no version to roll back to; choose one"):
        await operator.rollback("starter")


BAD: dict[str, tuple[list[Pcm | str], str]] = {
    "fails": (["latents are not finite\nAt: x"], "fails for .*: latents are not finite$"),
    "silent": ([tone(440.0) * 0, tone(700.0)], "is silent for"),
    "deaf": ([tone(440.0), tone(440.0)], "gives one sound for two prompts"),
    "full-scale": (
        [np.full((1, 80_000), 32767, np.int16), tone(440.0)],
        "is only noise for .*: 100% of it",
    ),
    "short": ([tone(440.0)[:, :100], tone(700.0)], "not with 80000 samples"),
}


@pytest.fixture(params=BAD)
def bad(request: pytest.FixtureRequest, triton: FakeTriton) -> Iterator[str]:
    answers, complaint = BAD[request.param]
    triton.sounds["starter@2"] = list(answers)
    return iter([complaint])


@pytest.mark.parametrize("verb", ["promote", "canary", "verify"])
async def test_a_bad_version_leaves_everything_as_it_was(
    triton: FakeTriton, operator: Operator, bad: Iterator[str], verb: str
) -> None:
    actions = {
        "promote": operator.promote("starter", 2),
        "canary": operator.canary("starter", 2, 0.1),
        "verify": operator.verify("starter", 2),
    }
    for other in actions.keys() - {verb}:
        actions[other].close()
    with pytest.raises(Refused, match=next(bad)):
        await actions[verb]
    assert triton.pinned() == {1}
    assert all(triton.loaded[name] == {1} for name in COMPONENT_NAMES)
    assert "starter@2" not in triton.loaded
    assert "starter" not in [name for name, _ in triton.loads]


async def test_a_version_that_does_not_load_is_refused_with_its_reason(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.broken["starter_text_encoder"] = 3
    with pytest.raises(Refused, match=r"^version 3 is corrupt \(.*health/ready fails"):
        await operator.promote("starter", 3)
    assert all(triton.loaded[name] == {1} for name in COMPONENT_NAMES)
    (first, third) = await rows(triton.control, ())
    assert (first.version, first.state, first.share) == (1, "serving", 1.0)
    assert (third.version, third.state) == (3, "failed")
    assert third.reason == "starter_text_encoder: corrupt"


async def test_a_version_that_triton_does_not_have_is_refused(
    triton: FakeTriton, operator: Operator
) -> None:
    with pytest.raises(Refused, match="finds no version 7 of starter_transformer"):
        await operator.promote("starter", 7)
    assert all(triton.loaded[name] == {1} for name in COMPONENT_NAMES)


async def test_a_version_on_its_way_out_is_waited_for(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.leaving["starter_tokenizer"] = 3
    triton.sounds["starter@2"] = sounds()
    assert (await operator.promote("starter", 2))[0].version == 2


async def test_a_version_that_stays_on_its_way_out_is_refused(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.leaving["starter_tokenizer"] = 1_000_000
    with pytest.raises(Refused, match="still unloading after 1 s"):
        await operator.promote("starter", 2)
    assert triton.pinned() == {1}


async def test_a_repository_that_names_no_version_is_pinned_before_anything_is_loaded(
    triton: FakeTriton, operator: Operator
) -> None:
    for step in triton.configs["starter"].ensemble_scheduling.step:
        step.model_version = -1
    triton.sounds["starter@2"] = ["it fails"]
    with suppress(Refused):
        await operator.promote("starter", 2)
    assert triton.loads[0] == ("starter", (1,))
    assert triton.pinned() == {1}


async def test_a_canary_gets_its_share_and_another_one_without_being_tried_again(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.canary("starter", 2, 0.05)
    assert lineup(triton).candidates == {2: 0.05}
    assert "starter@2" in triton.loaded
    _, tried = await operator.canary("starter", 2, 0.3)
    assert tried is None
    found = await rows(triton.control, ())
    assert [(row.state, round(row.share, 2)) for row in found] == [
        ("serving", 0.7),
        ("canary", 0.3),
    ]
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)
    assert lineup(triton) == Lineup(previous=1)
    assert "starter@2" not in triton.loaded


async def test_shares_do_not_pass_one(triton: FakeTriton, operator: Operator) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.canary("starter", 2, 0.6)
    with pytest.raises(ModelsError, match="get 60% already"):
        await operator.canary("starter", 3, 0.5)


async def test_loading_sends_nobody_there_and_unloading_gives_it_back(
    triton: FakeTriton, operator: Operator
) -> None:
    await operator.load("starter", 2)
    assert lineup(triton).candidates == {2: 0.0}
    assert all(triton.loaded[name] == {1, 2} for name in COMPONENT_NAMES)
    await operator.unload("starter", 2)
    assert lineup(triton).candidates == {}
    assert all(triton.loaded[name] == {1} for name in COMPONENT_NAMES)
    assert "starter@2" not in triton.loaded


async def test_what_serves_is_not_unloaded(operator: Operator) -> None:
    with pytest.raises(ModelsError, match="version 1 of starter serves; promote another"):
        await operator.unload("starter", 1)
    with pytest.raises(ModelsError, match="version 2 of starter is not loaded"):
        await operator.unload("starter", 2)


async def test_verifying_changes_nobody(triton: FakeTriton, operator: Operator) -> None:
    triton.sounds = {"starter@2": sounds(), "starter": sounds()}
    assert (await operator.verify("starter", 2)).fingerprint_error is None
    assert (await operator.verify("starter", None)).difference > 1
    assert all(triton.loaded[name] == {1} for name in COMPONENT_NAMES)
    assert triton.pinned() == {1}


async def test_a_fingerprint_is_asked_for(triton: FakeTriton) -> None:
    strict = Operator(control=triton.control, repository=None, timeout_s=1.0)
    with pytest.raises(ModelsError, match="give --repository"):
        await strict.promote("starter", 2)
    assert triton.loads == []
    assert all(triton.loaded[component_name("starter", step)] == {1} for step in STEPS)


async def test_an_unknown_model_is_named_with_those_there_are(operator: Operator) -> None:
    with pytest.raises(ModelsError, match="serves no model rain; it has: starter"):
        await operator.promote("rain", 2)


@pytest.mark.parametrize(
    ("in_process", "is_loaded", "is_changed"),
    [
        pytest.param("true", False, False, id="loaded-by-the-denoiser"),
        pytest.param("auto", False, False, id="as-it-turned-out"),
        pytest.param("auto", True, True, id="as-it-turned-out-elsewhere"),
        pytest.param("false", True, True, id="a-model-of-its-own"),
    ],
)
async def test_a_transformer_gets_the_version_where_it_is_a_model_of_its_own(
    triton: FakeTriton, operator: Operator, in_process: str, is_loaded: bool, is_changed: bool
) -> None:
    triton.configs["starter_denoiser"].parameters[IN_PROCESS].string_value = in_process
    if not is_loaded:
        triton.loaded["starter_transformer"] = set()
    await operator.load("starter", 2)
    assert ("starter_transformer" in [name for name, _ in triton.loads]) is is_changed


@pytest.mark.parametrize("end", ["promote", "unload"])
@pytest.mark.parametrize(("share", "waits"), [(0.1, True), (0.0, False)])
async def test_a_canary_is_unloaded_when_the_frontends_have_seen_that_it_is_none(
    triton: FakeTriton,
    operator: Operator,
    end: str,
    share: float,
    waits: bool,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    triton.sounds["starter@2"] = [*sounds(), *sounds()]
    await operator.canary("starter", 2, share)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    real_sleep = asyncio.sleep
    replace_sleep(monkeypatch, sleep)

    operator = replace(operator, look_s=0.2)
    ending = asyncio.create_task(getattr(operator, end)("starter", 2))
    while lineup(triton).candidates:  # noqa: ASYNC110 -- the fake's state
        await asyncio.sleep(0)
    assert ("starter@2" in triton.loaded) == waits
    await ending
    assert "starter@2" not in triton.loaded
    assert (0.2 in slept) == waits
