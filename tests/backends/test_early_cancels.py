"""Cancels that overtake their job, as the processes before the denoiser see them."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from backends.denoiser.known_jobs import REMEMBERED_CANCELS, KnownJobs
from backends.early_cancels import EarlyCancels
from backends.onnxruntime import model as onnxruntime_model
from backends.tokenizer import model as tokenizer_model
from tests.backends.fake_pb_utils import InferenceResponse, Request, TritonError
from tritone.tensors import INPUT_IDS, JOB_ID, NEGATIVE_PROMPT, PROMPT


@pytest.fixture
def cancels(tmp_path: Path) -> EarlyCancels:
    return EarlyCancels(tmp_path / "cancels")


def test_one_process_finds_what_another_added(tmp_path: Path) -> None:
    denoiser, tokenizer = EarlyCancels(tmp_path / "one"), EarlyCancels(tmp_path / "one")
    assert denoiser.add("job")
    assert not tokenizer.pop("another")
    assert tokenizer.pop("job")
    assert not tokenizer.pop("job")
    denoiser.close()
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("job_id", ["../outside", "/etc/passwd", "a\0b", "ü" * 500])
def test_any_job_id_stays_inside_the_folder(
    tmp_path: Path, cancels: EarlyCancels, job_id: str
) -> None:
    assert cancels.add(job_id)
    assert [path.name for path in tmp_path.iterdir()] == ["cancels"]
    assert cancels.pop(job_id)


def test_a_disk_that_takes_nothing_loses_no_cancel(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    known = KnownJobs(EarlyCancels(tmp_path / "file"))
    known.cancel_early("job")
    assert known.pop_early_cancel("job")


def test_a_cancel_is_used_once_by_whichever_process_comes_first(cancels: EarlyCancels) -> None:
    known = KnownJobs(cancels)
    known.cancel_early("first")
    assert cancels.pop("first")
    assert not known.pop_early_cancel("first")
    known.cancel_early("second")
    assert known.pop_early_cancel("second")
    assert not cancels.pop("second")


def test_only_so_many_cancels_are_kept(cancels: EarlyCancels) -> None:
    known = KnownJobs(cancels)
    for n in range(REMEMBERED_CANCELS + 1):
        known.cancel_early(f"job {n}")
    assert not cancels.pop("job 0")
    assert cancels.pop("job 1")
    known.forget_early_cancels()
    assert not cancels.pop("job 2")


def asking(job_id: str, **tensors: object) -> Request:
    arrays = {name: np.array([[value]], np.object_) for name, value in tensors.items()}
    return Request(arrays, f'{{"{JOB_ID}": "{job_id}"}}')


def is_cancelled(response: InferenceResponse) -> bool:
    return response.has_error() and response.error().code() == TritonError.CANCELLED


class OneToken:
    """Encodes every text as the token 1."""

    def encode(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {INPUT_IDS: np.ones((len(rows), 2, 1), np.int64)}


def test_the_tokenizer_drops_a_cancelled_request(cancels: EarlyCancels) -> None:
    tokenizer = cast(Any, tokenizer_model.TritonPythonModel())
    tokenizer._early_cancels, tokenizer._encoder = cancels, OneToken()
    cancels.add("left")
    texts = {PROMPT: b"rain", NEGATIVE_PROMPT: b""}
    answers = tokenizer.execute([asking("left", **texts), asking("stays", **texts)])
    assert [is_cancelled(answer) for answer in answers] == [True, False]


@pytest.mark.parametrize("joins_requests", [True, False])
def test_a_network_runs_without_its_cancelled_requests(
    cancels: EarlyCancels, joins_requests: bool
) -> None:
    network = cast(Any, onnxruntime_model.TritonPythonModel())
    network._early_cancels, network._joins_requests = cancels, joins_requests
    rows: list[int] = []

    def run(feed: dict[str, Any]) -> dict[str, Any]:
        rows.append(len(feed["x"]))
        return {"y": feed["x"]}

    network._run = run
    cancels.add("left")
    requests = [asking("first", x=1), asking("left", x=2), asking("last", x=3)]
    answers = network.execute(requests)
    assert [is_cancelled(answer) for answer in answers] == [False, True, False]
    outputs = [answers[i].output_tensors()[0].as_numpy().item() for i in (0, 2)]
    assert outputs == [1, 3]
    assert sum(rows) == 2
