"""What a published model promises, on a real Triton."""

import asyncio
import re
from dataclasses import replace

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests.acceptance.client import Ask, Client, tensor
from tests.acceptance.stack import Stack
from tritone.tensors import CANCEL, PROMPT, QUERY

pytestmark = pytest.mark.triton

ASK = Ask()
LONG = replace(ASK, steps=1000)
NEIGHBOURS = [
    replace(ASK, prompt=f"neighbour {i}", seed=100 + i, steps=8 + 3 * i, seconds_end=0.5 + i % 2)
    for i in range(7)
]


async def test_two_prompts_give_two_sounds(client: Client) -> None:
    rain = await client.generate(ASK)
    bell = await client.generate(replace(ASK, prompt="a church bell"))
    difference = np.abs(rain.astype(np.int32) - bell).mean()
    assert difference > 0.05 * np.abs(rain.astype(np.int32)).mean()


async def test_a_seed_repeats_bit_for_bit_alone_and_under_load(client: Client) -> None:
    pcm, latents = await client.generate(ASK), await client.latents(ASK)
    np.testing.assert_array_equal(await client.generate(ASK), pcm)
    np.testing.assert_array_equal(await client.latents(ASK), latents)
    load = [asyncio.create_task(client.generate(ask)) for ask in NEIGHBOURS]
    sounds = await asyncio.gather(*[client.generate(ASK) for _ in range(4)])
    under_load = await asyncio.gather(*[client.latents(ASK) for _ in range(4)])
    await asyncio.gather(*load)
    assert all(np.array_equal(sound, pcm) for sound in sounds)
    assert all(np.array_equal(made, latents) for made in under_load)


async def test_the_transformer_gives_the_same_latents_in_process_and_over_triton(
    stack: Stack, client: Client, sharing_stack: Stack, sharing_client: Client
) -> None:
    assert not stack.has_stub(f"{client.model}_transformer")
    assert sharing_stack.has_stub(f"{client.model}_transformer")
    for seconds in (0.7, 5.0):
        ask = replace(ASK, seconds_end=seconds)
        made = await client.latents(ask)
        over_triton = await sharing_client.latents(ask)
        # Not the same bits: a step that is not guided is one row here and two there.
        assert np.abs(over_triton - made).max() < 1e-5 * np.abs(made).max()


async def test_shared_steps_change_the_latents_by_less_than_1e_5(
    client: Client, sharing_client: Client
) -> None:
    alone = await client.latents(ASK)
    asks = [*NEIGHBOURS[:3], ASK, *NEIGHBOURS[3:]]
    shared = await asyncio.gather(*[sharing_client.latents(ask) for ask in asks])
    assert np.abs(shared[3] - alone).max() < 1e-5 * np.abs(alone).max()


async def test_staggered_clients_share_steps(sharing_stack: Stack, sharing_client: Client) -> None:
    steps = sharing_stack.metric("tritone_denoiser_steps_total")
    rows = sharing_stack.metric("tritone_denoiser_step_rows_total")
    ask = replace(ASK, steps=40)
    running = []
    for i in range(8):
        job_id = f"staggered-{i}"
        sound = sharing_client.generate(replace(ask, seed=i), job_id=job_id)
        running.append(asyncio.create_task(sound))
        await sharing_client.until_running(job_id)
    await asyncio.gather(*running)
    await sharing_stack.until_metric("tritone_denoiser_step_rows_total", rows + 8 * 40)
    steps = sharing_stack.metric("tritone_denoiser_steps_total") - steps
    rows = 8 * 40
    assert rows / steps > 2


async def test_a_cancel_frees_the_row_within_two_steps(stack: Stack, client: Client) -> None:
    cancelled = stack.metric("tritone_denoiser_cancelled_total")
    long = asyncio.create_task(client.generate(LONG, job_id="long"))
    await client.until_running("long")
    waiting = asyncio.create_task(client.generate(ASK))
    done, steps = await client.control(CANCEL, "long")
    assert steps == 1000
    with pytest.raises(InferenceServerException, match="cancelled at step") as failure:
        await long
    ended = re.search(r"cancelled at step (\d+)/1000", str(failure.value))
    assert ended is not None
    assert int(ended[1]) <= done + 2
    assert len(await waiting)
    await stack.until_metric("tritone_denoiser_cancelled_total", cancelled + 1)


async def test_progress_is_told_also_of_a_job_that_ended(client: Client) -> None:
    assert await client.control(QUERY, "nobody") == [-1, -1]
    sound = asyncio.create_task(client.generate(replace(ASK, steps=50), job_id="seen"))
    await client.until_running("seen")
    done, steps = await client.control(QUERY, "seen")
    assert 1 <= done <= 50
    assert steps == 50
    await sound
    assert await client.control(QUERY, "seen") == [50, 50]


async def test_a_deadline_ends_a_request(client: Client) -> None:
    with pytest.raises(InferenceServerException, match="deadline exceeded at step"):
        await client.generate(LONG, timeout_s=0.3)


async def test_a_request_that_overflows_leaves_its_neighbours_whole(
    client: Client, sharing_stack: Stack, sharing_client: Client
) -> None:
    alone = await client.latents(ASK)
    failed = sharing_stack.metric("tritone_denoiser_failed_total")
    poisoned = replace(ASK, guidance_scale=3e38)
    asks = [*NEIGHBOURS[:2], poisoned, ASK]
    answers = await asyncio.gather(
        *[sharing_client.latents(ask) for ask in asks], return_exceptions=True
    )
    assert isinstance(answers[2], InferenceServerException)
    assert "not finite" in str(answers[2])
    assert isinstance(answers[3], np.ndarray)
    assert np.abs(answers[3] - alone).max() < 1e-5 * np.abs(alone).max()
    await sharing_stack.until_metric("tritone_denoiser_failed_total", failed + 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be within 1 and 1000"),
        ({"guidance_scale": float("nan")}, "guidance_scale must be finite"),
        ({"seconds_end": 1e9}, "within the model's window"),
        ({"seconds_start": float("nan")}, "within the model's window"),
    ],
)
async def test_a_value_out_of_bounds_is_refused(
    client: Client, changes: dict[str, float], message: str
) -> None:
    with pytest.raises(InferenceServerException, match=message):
        await client.generate(replace(ASK, **changes))  # type: ignore[arg-type]


async def test_bytes_that_are_not_text_are_an_invalid_argument(client: Client) -> None:
    inputs = [tensor(PROMPT, b"\xff\xfe", "STRING"), *ASK.texts()[1:]]
    with pytest.raises(InferenceServerException, match="prompt is not UTF-8") as failure:
        await client.triton.infer(f"{client.model}_tokenizer", inputs)
    assert failure.value.status() == "StatusCode.INVALID_ARGUMENT"
