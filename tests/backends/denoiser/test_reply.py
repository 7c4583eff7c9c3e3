import threading
from typing import Any, cast

import pytest

from backends.denoiser import job_queue
from backends.denoiser.job import make_job
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.reply import SenderReply
from backends.errors import Code, RequestFailed
from tests.backends.fake_pb_utils import Sender
from tests.backends.fakes import FakeMetrics, halve, make_scheduler, request
from tritone.card import ModelCard
from tritone.tensors import LATENTS, PROGRESS

TIMEOUT_S = 10.0
ERROR = RequestFailed("a reason", Code.UNAVAILABLE)


def reply_over(sender: Sender) -> SenderReply:
    return SenderReply(cast(Any, sender))


class SlowSender(Sender):
    """Gives another thread the time to answer while it is asked."""

    def __init__(self) -> None:
        super().__init__(while_asked=lambda: self.is_answered.wait(0.002))


def test_a_sender_is_never_asked_after_the_answer() -> None:
    sender = Sender()
    reply = reply_over(sender)
    assert not reply.is_cancelled()
    sender.client_is_gone = True
    assert reply.is_cancelled()
    reply.fail(ERROR)
    assert not reply.is_cancelled()
    assert not sender.faults


def test_only_the_first_answer_is_sent(card: ModelCard) -> None:
    sender = Sender()
    reply = reply_over(sender)
    job = make_job(card, request(card), "job", reply)
    job.end()
    reply.fail(ERROR)
    reply.report((1, 2))
    (response,) = sender.responses
    assert [tensor.name() for tensor in response.output_tensors()] == [LATENTS, PROGRESS]
    assert not sender.faults


def test_an_answer_waits_until_a_sender_was_asked() -> None:
    is_asked, answering = threading.Event(), threading.Event()

    def let_another_thread_answer() -> None:
        is_asked.set()
        assert answering.wait(TIMEOUT_S)
        sender.is_answered.wait(0.1)  # it would be by now if nothing held it back

    sender = Sender(let_another_thread_answer)
    reply = reply_over(sender)

    def answer() -> None:
        assert is_asked.wait(TIMEOUT_S)
        answering.set()
        reply.fail(ERROR)

    thread = threading.Thread(target=answer)
    thread.start()
    reply.is_cancelled()
    thread.join(TIMEOUT_S)
    assert sender.is_answered.is_set()
    assert not sender.faults


def test_lanes_check_clients_of_jobs_that_others_end(
    card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "CLIENT_CHECK_S", 0.0)  # at every step
    predictors = Predictors(2, halve, halve)
    scheduler = make_scheduler(predictors, FakeMetrics(), step_batch=1, max_pending=10)
    senders = [SlowSender() for _ in range(10)]
    for sender in senders:
        scheduler.submit(make_job(card, request(card, steps=2), "", reply_over(sender)))
    lanes = [threading.Thread(target=scheduler.run) for _ in range(2)]
    for lane in lanes:
        lane.start()
    scheduler.stop()
    for lane in lanes:
        lane.join(TIMEOUT_S)
    assert all(len(sender.responses) == 1 for sender in senders)
    assert not [fault for sender in senders for fault in sender.faults]
