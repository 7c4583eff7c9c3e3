import asyncio

import httpx2

from benchmarks.load import NO_ANSWER, Answer, closed_loop, open_loop


async def test_closed_loop_sends_each_index_once_and_never_more_than_its_clients() -> None:
    in_flight, most, seen = 0, 0, []

    async def send(index: int) -> int:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        seen.append(index)
        await asyncio.sleep(0.001)
        in_flight -= 1
        return 200

    run = await closed_loop(send, n_requests=20, concurrency=4)
    assert sorted(seen) == list(range(20))
    assert most == 4
    assert len(run.answers) == 20
    assert run.wall_s == max(answer.ended_s for answer in run.answers)


async def test_open_loop_does_not_wait_for_answers() -> None:
    gate = asyncio.Event()
    started = []

    async def send(index: int) -> int:
        started.append(index)
        if len(started) == 3:
            gate.set()  # only reached if nobody waits for the first two
        await gate.wait()
        return 200

    run = await asyncio.wait_for(open_loop(send, [0.0, 0.0, 0.01]), timeout=10)
    assert [answer.status for answer in run.answers] == [200] * 3


async def test_open_loop_counts_from_the_intended_arrival() -> None:
    async def send(index: int) -> int:
        return 200

    run = await open_loop(send, [0.0, 0.05])
    assert [answer.intended_s for answer in run.answers] == [0.0, 0.05]
    assert all(answer.sent_s >= answer.intended_s for answer in run.answers)


def test_latency_holds_the_waiting_before_sending() -> None:
    assert Answer(0, intended_s=1.0, sent_s=4.0, ended_s=5.0, status=200).latency_s == 4.0


async def test_a_broken_connection_is_an_answer_that_failed() -> None:
    async def send(index: int) -> int:
        raise httpx2.ConnectError("refused")

    run = await closed_loop(send, n_requests=2, concurrency=2)
    assert [answer.status for answer in run.answers] == [NO_ANSWER] * 2
