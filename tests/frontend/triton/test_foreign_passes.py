"""How many passes of other processes a Triton says it has, over real gRPC."""

import asyncio

import numpy as np
from tritonclient.grpc import service_pb2

from frontend.triton.gateway import SoundPass, collect
from frontend.triton.single import SingleTriton
from tests.fake_triton import Answers, FakeTriton, pcm_answer, progress_answer
from tests.fakes import sine
from tests.frontend.triton.servers import CALL, eventually


async def see_five(triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass) -> None:
    """Serve the model of a pass, with five passes of others."""
    triton.serve(pass_.card)
    triton.progress = progress_answer(5, 17)
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 5)


async def test_the_passes_of_others_are_what_it_says_less_ours(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    gate = asyncio.Event()

    async def respond(_request: service_pb2.ModelInferRequest) -> Answers:
        await gate.wait()
        yield pcm_answer(sine(pass_.card, pass_.span.n_samples)[np.newaxis])

    triton.serve(pass_.card)
    triton.respond = respond
    triton.progress = progress_answer(7, 17)
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 7)
    running = asyncio.create_task(collect(gateway.stream(pass_, CALL)))
    await eventually(lambda: bool(triton.inferred))
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 6)
    gate.set()
    await running
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 7)


async def test_every_version_of_a_denoiser_counts(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.serve(pass_.card)
    denoiser = f"{pass_.card.name}_denoiser"
    triton.index += [(denoiser, "1", "READY"), (denoiser, "2", "READY")]
    triton.progress = progress_answer(3, 17)
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 6)


async def test_a_triton_that_is_too_old_to_say_it_has_none(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    await see_five(triton, gateway, pass_)
    triton.progress = progress_answer(-1, -1)
    await gateway.refresh()
    await eventually(lambda: gateway.foreign_passes == 0)


async def test_a_model_that_has_left_has_none(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    await see_five(triton, gateway, pass_)
    triton.index.clear()
    await gateway.refresh()
    assert gateway.foreign_passes == 0


async def test_one_model_is_asked_at_once_and_an_answer_that_does_not_come_is_not_waited_for(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    await see_five(triton, gateway, pass_)
    triton.progress = progress_answer(2, 17)
    await gateway.count_foreign_passes(pass_.card.name)
    assert gateway.foreign_passes == 2
    triton.is_hung = True
    async with asyncio.timeout(1.0):
        await gateway.count_foreign_passes(pass_.card.name)
    assert gateway.foreign_passes == 2
