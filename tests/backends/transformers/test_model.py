"""The backend of sounds itself, over a stand-in for Triton's module; its checkpoint is real."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from backends.transformers import model
from ops.voices.sounds import make_card, repository_files
from ops.voices.transformers import read_checkpoint
from tests.backends.fake_pb_utils import Request, Sender
from tritone.card import CARD_PARAMETER, ModelCard
from tritone.probes import PROBE
from tritone.tensors import PCM, PROGRESS, QUERY

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

TIMEOUT_S = 60.0


def load(folder: Path) -> tuple[model.TritonPythonModel, ModelCard]:
    from tests.tiny_transformers import write_checkpoint

    found = read_checkpoint(str(write_checkpoint("musicgen", folder / "tiny")))
    card = make_card(found, None)
    for path, content in repository_files(found, card, "MIT").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    parameters = {CARD_PARAMETER: card.to_json(), "max_pending": "4"}
    config = {
        "name": "tiny_denoiser",
        "parameters": {key: {"string_value": value} for key, value in parameters.items()},
    }
    made = model.TritonPythonModel()
    repository = str(folder / "tiny_denoiser")
    made.initialize(
        {
            "model_config": json.dumps(config),
            "model_version": "1",
            "model_repository": repository,
        }
    )
    return made, card


def inputs() -> dict[str, Any]:
    return {
        "prompt": np.array([[b"a waltz"]], np.object_),
        "seconds_start": np.array([[0.0]], np.float32),
        "seconds_end": np.array([[0.5]], np.float32),
        "seed": np.array([[7]], np.int64),
    }


def test_a_prompt_is_answered_with_its_sound_and_the_probe_with_the_load(tmp_path: Path) -> None:
    maker, card = load(tmp_path)
    sender, probe, bad = Sender(), Sender(), Sender()
    requests = [
        Request({}, json.dumps({QUERY: PROBE}), probe),
        Request({}, "{}", bad),
        Request(inputs(), sender=sender),
    ]
    maker.execute(cast(Any, requests))
    assert sender.is_answered.wait(TIMEOUT_S)
    maker.finalize()
    answer = {each.name(): each.as_numpy() for each in sender.responses[0].output_tensors()}
    assert answer[PCM].dtype == np.int16
    assert answer[PCM].shape == (1, 1, card.sample_rate // 2)
    assert answer[PROGRESS].tolist() == [[25, 25]]
    (load_,) = probe.responses[0].output_tensors()
    assert load_.as_numpy().tolist() == [[0, 12]]
    assert bad.responses[0].has_error()
    assert not sender.faults + probe.faults + bad.faults
