"""The denoiser's backend itself, over a stand-in for Triton's module."""

import gc
import json
import threading
from typing import Any, cast

import pytest

from backends.denoiser import model
from backends.denoiser.predict.rows import Predict, Predictors
from backends.tensors import Tensors
from tests.backends.fake_pb_utils import (
    Metric,
    MetricFamily,
    Request,
    Sender,
    TritonModelException,
)
from tests.backends.fakes import halve, request
from tritone.card import CARD_PARAMETER, ModelCard
from tritone.probes import PROBE
from tritone.sampling import Latents
from tritone.tensors import PROGRESS, QUERY

TIMEOUT_S = 10.0


def loaded(
    card: ModelCard,
    monkeypatch: pytest.MonkeyPatch,
    predict: Predict = halve,
    step_batch: str = "1",
) -> model.TritonPythonModel:
    monkeypatch.setattr(model, "choose_predictors", lambda *_: Predictors(1, predict, predict))
    parameters = {CARD_PARAMETER: card.to_json(), "step_batch": step_batch, "max_pending": "4"}
    config = {
        "name": "a_denoiser",
        "parameters": {key: {"string_value": value} for key, value in parameters.items()},
    }
    loading = model.TritonPythonModel()
    loading.initialize({"model_config": json.dumps(config), "model_version": "1"})
    return loading


def execute(denoiser: model.TritonPythonModel, *requests: Request) -> None:
    denoiser.execute(cast(Any, requests))


def test_a_request_is_answered_once_with_its_latents(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser, sender, control = loaded(card, monkeypatch), Sender(), Sender()
    asking = Request(request(card), sender=sender)
    execute(denoiser, asking, Request({}, json.dumps({QUERY: "nobody"}), control))
    assert sender.is_answered.wait(TIMEOUT_S)
    denoiser.finalize()
    assert [len(each.responses) for each in (sender, control)] == [1, 1]
    (progress,) = control.responses[0].output_tensors()
    assert progress.name() == PROGRESS
    assert not sender.faults + control.faults


def test_rows_as_many_as_pay_are_one_where_jobs_fall_back_to_the_host(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser, sender = loaded(card, monkeypatch, step_batch="auto"), Sender()
    execute(denoiser, Request({}, json.dumps({QUERY: PROBE}), sender))
    assert sender.is_answered.wait(TIMEOUT_S)
    denoiser.finalize()
    (load,) = sender.responses[0].output_tensors()
    assert load.as_numpy().tolist() == [[0, 5]]  # one in its lane and 4 more


@pytest.mark.parametrize("text", ["0", "many", ""])
def test_a_step_batch_without_a_meaning_keeps_the_model_from_loading(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with pytest.raises(TritonModelException, match="step_batch must be a number"):
        loaded(card, monkeypatch, step_batch=text)


def test_a_probe_is_answered_with_the_load(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(inputs: Tensors) -> Latents:
        assert released.wait(TIMEOUT_S)
        return halve(inputs)

    denoiser, probe = loaded(card, monkeypatch, hang), Sender()
    senders = [Sender() for _ in range(3)]
    execute(denoiser, *(Request(request(card), sender=sender) for sender in senders))
    execute(denoiser, Request({}, json.dumps({QUERY: PROBE}), probe))
    assert probe.is_answered.wait(TIMEOUT_S)
    (load,) = probe.responses[0].output_tensors()
    assert load.as_numpy().tolist() == [[3, 5]]  # it has 3, and takes 1 in its lane and 4 more
    released.set()
    denoiser.finalize()


def test_a_request_without_tensors_fails_alone(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser, bad, good = loaded(card, monkeypatch), Sender(), Sender()
    execute(denoiser, Request({}, sender=bad), Request(request(card), sender=good))
    assert good.is_answered.wait(TIMEOUT_S)
    denoiser.finalize()
    assert bad.responses[0].has_error()
    assert not good.responses[0].has_error()


def test_finalize_answers_every_request_and_deletes_no_metric(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, released = threading.Event(), threading.Event()

    def hang(inputs: Tensors) -> Latents:
        begun.set()
        assert released.wait(TIMEOUT_S)
        return halve(inputs)

    gc.collect()
    before = Metric.n_deleted, MetricFamily.n_deleted
    denoiser, sender = loaded(card, monkeypatch, hang), Sender()
    monkeypatch.setattr(model, "DRAIN_SECONDS", 0.05)
    execute(denoiser, Request(request(card, steps=1), sender=sender))
    assert begun.wait(TIMEOUT_S)
    denoiser.finalize()
    assert sender.is_answered.is_set()  # by finalize: the lane still hangs
    assert "denoiser is stopping" in sender.responses[0].error().message()
    released.set()
    for lane in denoiser._lanes:
        lane.join(TIMEOUT_S)
        assert not lane.is_alive()
    assert len(sender.responses) == 1
    assert not sender.faults
    del denoiser, lane
    gc.collect()
    assert (Metric.n_deleted, MetricFamily.n_deleted) == before
