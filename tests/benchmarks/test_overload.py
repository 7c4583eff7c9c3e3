import math

import httpx2
import pytest

from benchmarks.clips import clip
from benchmarks.load import Answer
from benchmarks.overload import Memory, Refusals, _row


def test_a_period_counts_by_when_requests_were_due() -> None:
    answers = (
        Answer(0, 1.0, 1.0, 4.0, 200),
        Answer(1, 59.0, 59.0, 70.0, 200),  # due in the first minute, answered in the second
        Answer(2, 61.0, 61.0, 61.1, 503),
        Answer(3, 62.0, 62.0, 99.0, 0),
    )
    memory = [Memory(5.0, 100.0, 200.0, 9), Memory(55.0, 300.0, 400.0, 9)]
    first = _row(0, 60.0, answers, memory)
    assert list(first) == pytest.approx([0, 2, 2, 0, 0, 7.0, 10.6, 200.0, 300.0])
    second = _row(1, 60.0, answers, memory)
    assert second[:5] == (60, 2, 0, 1, 1)
    assert all(math.isnan(figure) for figure in second[5:])


async def test_what_refusals_say_is_noted() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"retry-after": "7"} if b"take 0" in request.content else {}
        return httpx2.Response(503, headers=headers)

    refusals = Refusals()
    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(base_url="http://test", transport=transport) as client:
        for index in range(3):
            await refusals.ask(client, clip(index))
    assert refusals.n == {503: 3}
    assert refusals.retry_after_s == [7.0]
