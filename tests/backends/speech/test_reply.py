"""The speaker's answers over a stand-in for Triton's senders."""

import threading
from typing import Any, cast

import numpy as np
import pytest

from backends.errors import Code, RequestFailed
from backends.speech.job import Chunk
from backends.speech.reply import SenderReply
from tests.backends.fake_pb_utils import InferenceResponse, Sender
from tritone.speech_tensors import TIMINGS
from tritone.tensors import PCM, PROGRESS

CHUNK = Chunk(pcm=np.ones((1, 8), np.int16), timings="{}", progress=(1, 2))


def reply_over(sender: Sender, *outputs: str) -> SenderReply:
    return SenderReply(cast(Any, sender), set(outputs))


@pytest.mark.parametrize(
    ("outputs", "sent"), [((), [PCM, PROGRESS, TIMINGS]), ((PCM, PROGRESS), [PCM, PROGRESS])]
)
def test_a_chunk_has_the_outputs_that_were_asked_for(
    outputs: tuple[str, ...], sent: list[str]
) -> None:
    sender = Sender()
    reply_over(sender, *outputs).send(CHUNK, is_last=False)
    (response,) = sender.responses
    assert [each.name() for each in response.output_tensors()] == sent


@pytest.mark.parametrize("ends_with", ["chunk", "error", "nothing"])
def test_nothing_follows_the_last_answer(ends_with: str) -> None:
    sender = Sender()
    sender.client_is_gone = True
    reply = reply_over(sender)
    reply.send(CHUNK, is_last=False)
    assert reply.is_cancelled()
    if ends_with == "chunk":
        reply.send(CHUNK, is_last=True)
    elif ends_with == "error":
        reply.fail(RequestFailed("no", Code.INTERNAL))
    else:
        reply.finish()
    n_sent = len(sender.responses)
    assert n_sent == (1 if ends_with == "nothing" else 2)
    reply.send(CHUNK, is_last=False)
    reply.finish()
    assert not reply.is_cancelled()
    assert len(sender.responses) == n_sent
    assert not sender.faults


class SlowSender(Sender):
    """Sends nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.is_sending, self.may_send = threading.Event(), threading.Event()

    def send(self, response: InferenceResponse | None = None, flags: int = 0) -> None:
        self.is_sending.set()
        assert self.may_send.wait(10)
        super().send(response, flags)


def test_who_asks_for_the_client_does_not_wait_for_an_answer_on_its_way() -> None:
    sender = SlowSender()
    reply = reply_over(sender)
    sending = threading.Thread(target=reply.send, args=(CHUNK,), kwargs={"is_last": True})
    sending.start()
    assert sender.is_sending.wait(10)
    assert not reply.is_cancelled()
    assert not sender.responses
    sender.may_send.set()
    sending.join()
    assert not sender.faults
