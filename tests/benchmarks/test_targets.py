"""The requests of the load are what the contracts take: asked of the real frontend."""

import httpx2
import pytest

from benchmarks.clips import Clip
from benchmarks.load import closed_loop
from benchmarks.targets import Ask, Target, elevenlabs, localai, vllm_omni


@pytest.mark.parametrize("ask", [vllm_omni, elevenlabs, localai], ids=lambda ask: ask.__name__)
async def test_a_contract_answers_with_a_sound(client: httpx2.AsyncClient, ask: Ask) -> None:
    answer = await ask(client, Clip("rain", 7, seconds=1.0, steps=3))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("audio/")
    assert len(answer.content) > 1000


async def test_a_load_goes_through_all_clips(client: httpx2.AsyncClient) -> None:
    asked: list[int] = []

    def clips(index: int) -> Clip:
        asked.append(index)
        return Clip("rain", index, seconds=1.0, steps=2)

    send = Target("ours", "", vllm_omni).sender(client, clips)
    run = await closed_loop(send, n_requests=6, concurrency=3)
    assert sorted(asked) == list(range(6))
    assert all(answer.is_good for answer in run.answers)


async def test_a_refusal_is_no_good_answer(client: httpx2.AsyncClient) -> None:
    send = Target("ours", "", vllm_omni).sender(client, lambda _: Clip("rain", 0, seconds=-1.0))
    run = await closed_loop(send, n_requests=1, concurrency=1)
    assert not run.answers[0].is_good
