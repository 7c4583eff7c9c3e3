"""Versions of a voice: published beside the one that serves, tried by what they say, promoted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.models.actions import Operator
from ops.models.errors import ModelsError, Refused
from ops.models.overview import rows
from ops.models.repository import Repository
from ops.triton.published import read_published
from ops.voices.added import AddedVoices, NotAdded
from ops.voices.piper import make_publication
from ops.voices.publishing import Publication
from tests.cards import TALKER
from tests.ops.models.triton import FakeTriton
from tests.speech_networks import piper_network, write_piper_voice
from tritone.pcm import Pcm
from tritone.versions import Lineup

SECOND = TALKER.sample_rate


def speech(seconds: float, loudness: float = 0.1) -> Pcm:
    """Return noise that is as long as a text."""
    noise = np.random.default_rng(0).standard_normal((1, round(seconds * SECOND)))
    return np.clip(noise * loudness * 32767, -32768, 32767).astype(np.int16)


@pytest.fixture
def triton() -> FakeTriton:
    return FakeTriton(TALKER, on_disk={1, 2})


@pytest.fixture
def operator(triton: FakeTriton) -> Operator:
    control = triton.control
    return Operator(
        control=control, repository=None, timeout_s=2.0, look_s=0.0, needs_fingerprint=False
    )


async def test_a_version_that_speaks_answers_after_its_promotion(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["talker@2"] = [speech(1.5), speech(3.0)]
    served, tried = await operator.promote("talker", 2)
    assert tried is not None
    assert (served.version, served.lineup) == (2, Lineup(previous=1))
    assert triton.loaded["talker_speaker"] == {1, 2}
    assert "talker@2" not in triton.loaded
    states = {row.version: row.state for row in await rows(triton.control, (), "talker")}
    assert states == {1: "previous", 2: "serving"}
    assert (await operator.rollback("talker")).version == 1


async def test_a_version_is_unloaded_when_its_last_text_is_heard(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["talker@2"] = [speech(1.5), speech(3.0)]
    await operator.promote("talker", 2)
    triton.texts = [2, 1, 1]
    await operator.unload("talker", 1)
    assert triton.texts == []
    assert triton.loaded["talker_speaker"] == {2}


async def test_a_version_that_is_listened_to_too_long_stays_loaded(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["talker@2"] = [speech(1.5), speech(3.0)]
    await operator.promote("talker", 2)
    triton.texts = [1] * 1000
    with pytest.raises(ModelsError, match="it stays loaded, unload it later"):
        await replace(operator, timeout_s=0.1).unload("talker", 1)
    assert triton.loaded["talker_speaker"] == {1, 2}


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        ([speech(1.5, 0.0), speech(3.0)], "talker@2 is silent for"),
        ([speech(1.5), speech(0.2)], "that is not all of it"),
        ([speech(1.5), speech(1.5)], "one sound for two prompts"),
        (["speech failed: a bug"], "talker@2 fails for"),
    ],
)
async def test_a_version_that_does_not_speak_is_refused(
    triton: FakeTriton, operator: Operator, heard: list[Pcm | str], why: str
) -> None:
    triton.sounds["talker@2"] = heard
    with pytest.raises(Refused, match=why):
        await operator.promote("talker", 2)
    assert triton.pinned() == {1}
    assert triton.loaded["talker_speaker"] == {1}


async def test_without_its_files_a_version_is_tried_only_if_that_is_said(
    triton: FakeTriton,
) -> None:
    blind = Operator(control=triton.control, repository=None, timeout_s=2.0)
    with pytest.raises(ModelsError, match="give --repository"):
        await blind.promote("talker", 2)


def publication(folder: Path) -> Publication:
    file = write_piper_voice(folder, piper_network(), "License: CC0")
    return make_publication(file, "tono", "CC0")


def changed(made: Publication) -> Publication:
    """Return the same voice with another file."""
    return replace(made, files={**made.files, "note": b"better"})


@pytest.fixture
def added(tmp_path: Path) -> AddedVoices:
    found = AddedVoices(tmp_path / "added")
    found.publish(publication(tmp_path))
    return found


def config(added: AddedVoices, name: str) -> ModelConfig:
    text = (added.folder / name / "config.pbtxt").read_text()
    return text_format.Parse(text, ModelConfig())


def served(added: AddedVoices) -> dict[str, list[int]]:
    """Return the versions that Triton would load at its next start."""
    names = ("tono", "tono_speaker", "tono_network")
    return {name: [*config(added, name).version_policy.specific.versions] for name in names}


def test_the_next_version_lies_beside_the_one_that_serves(
    added: AddedVoices, tmp_path: Path
) -> None:
    made = publication(tmp_path)
    assert added.publish(made) == 1  # the same files
    assert added.publish(changed(made)) == 2
    assert added.publish(changed(made)) == 2
    assert served(added) == {"tono": [1], "tono_speaker": [1], "tono_network": [1]}
    assert (added.folder / "tono_speaker" / "2" / "note").read_bytes() == b"better"
    assert (added.folder / "tono_network" / "2" / "model.onnx").is_file()
    assert read_published([added.folder]).broken == {}


def test_another_card_is_another_model(added: AddedVoices, tmp_path: Path) -> None:
    made = changed(publication(tmp_path))
    other = replace(made, card=replace(made.card, sample_rate=8_000))
    with pytest.raises(NotAdded, match="published with another card"):
        added.publish(other)
    assert added.versions("tono") == [1]


def test_what_serves_is_kept_for_the_next_start(added: AddedVoices, tmp_path: Path) -> None:
    added.publish(changed(publication(tmp_path)))
    Repository(added.folder).keep("tono", 2, Lineup(previous=1))
    assert served(added) == {"tono": [2], "tono_speaker": [1, 2], "tono_network": [1, 2]}
    (step,) = config(added, "tono").ensemble_scheduling.step
    assert (step.model_name, step.model_version) == ("tono_speaker", 2)
    Repository(added.folder).keep("tono", 1, Lineup(previous=2, candidates={2: 0.5}))
    assert (added.folder / "tono@2" / "2" / "manifest.json").is_file()
    assert added.remove("tono")
    assert list(added.folder.iterdir()) == []
