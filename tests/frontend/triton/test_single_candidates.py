import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from tritonclient.grpc import service_pb2

from frontend.errors import (
    DeadlineExceeded,
)
from frontend.triton.gateway import Progress, SoundPass, collect
from frontend.triton.single import SingleTriton
from tests.fake_triton import (
    Answers,
    FakeTriton,
    error_answer,
    pcm_answer,
    progress_answer,
)
from tests.frontend.triton.servers import (
    CALL,
    decoded,
)
from tritone.card import COMPONENTS, ModelCard, component_name
from tritone.versions import VERSIONS_PARAMETER, Lineup


def serve_candidate(triton: FakeTriton, card: ModelCard, share: float) -> None:
    """Serve version 1, version 2 to a share of the requests, and version 3 to none."""
    triton.serve(card)
    triton.index += [(f"{card.name}@2", "2", "READY"), (f"{card.name}@3", "3", "UNAVAILABLE")]
    for version in ("1", "2"):
        triton.index += [
            (component_name(card.name, component), version, "READY") for component in COMPONENTS
        ]
    lineup = Lineup(previous=None, candidates={2: share, 3: 0.0}).to_json()
    parameters = triton.configs[card.name].config.parameters
    parameters[VERSIONS_PARAMETER].string_value = lineup


async def test_a_candidate_is_no_model_of_its_own(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    serve_candidate(triton, card, 0.5)
    catalog = await gateway.refresh()
    assert [each.name for each in catalog.cards] == [card.name]
    assert catalog.away == frozenset()


async def test_a_candidate_gets_its_share_and_its_version_is_told(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    async def by_name(request: service_pb2.ModelInferRequest) -> Answers:
        version = "2" if request.model_name.endswith("@2") else "1"
        yield pcm_answer(decoded(pass_), version)

    serve_candidate(triton, card, 0.5)
    triton.respond = by_name
    await gateway.refresh()
    calls = [replace(CALL, request_id=f"request {i}") for i in range(40)]
    versions = [(await collect(gateway.stream(pass_, call))).model_version for call in calls]
    assert 8 < versions.count("2") < 32
    again = [(await collect(gateway.stream(pass_, call))).model_version for call in calls[:5]]
    assert again == versions[:5]


@pytest.mark.parametrize("text", ["unknown model: 'starter@2' is not found", "out of memory"])
async def test_what_a_candidate_fails_at_the_serving_version_does(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    card: ModelCard,
    text: str,
) -> None:
    async def only_the_first(request: service_pb2.ModelInferRequest) -> Answers:
        if request.model_name.endswith("@2"):
            yield error_answer(text)
        else:
            yield pcm_answer(decoded(pass_), "1")

    serve_candidate(triton, card, 1.0)
    triton.respond = only_the_first
    await gateway.refresh()
    result = await collect(gateway.stream(pass_, CALL))
    assert result.model_version == "1"
    assert [failure.model_version for failure in result.failures] == ["2"]
    first, second = triton.inferred
    # Of another name, so that the first one's cancellation does not reach it.
    assert first.parameters["job_id"] != second.parameters["job_id"]


async def test_a_candidate_that_takes_all_the_time_is_a_missed_deadline(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    serve_candidate(triton, card, 1.0)
    triton.progress = progress_answer(1, 2)

    async def late(_request: service_pb2.ModelInferRequest) -> Answers:
        await asyncio.sleep(0.3)
        yield error_answer("Request timeout expired")

    triton.respond = late
    await gateway.refresh()
    with pytest.raises(DeadlineExceeded):
        await collect(gateway.stream(pass_, replace(CALL, timeout_s=0.2)))
    assert len(triton.inferred) == 1


async def test_every_loaded_version_of_the_denoiser_is_asked_and_told(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    serve_candidate(triton, card, 0.5)
    await gateway.refresh()
    triton.progress = progress_answer(3, 20)
    assert await gateway.progress(card.name, "job") == Progress(3, 20)
    await gateway.cancel(card.name, "job")
    asked = [(control.model_name, control.model_version) for control in triton.controls]
    denoiser = component_name(card.name, "denoiser")
    assert sorted(asked) == sorted([(denoiser, "1"), (denoiser, "2")] * 2)


async def test_a_lineup_of_another_release_is_logged_and_ignored(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    async def answer(_request: service_pb2.ModelInferRequest) -> Answers:
        yield pcm_answer(decoded(pass_), "1")

    serve_candidate(triton, card, 1.0)
    triton.configs[card.name].config.parameters[VERSIONS_PARAMETER].string_value = "{"
    triton.respond = answer
    with capture_logs() as lines:
        await gateway.refresh()
    assert [line["event"] for line in lines if "lineup" in line["event"]] == ["bad_lineup"]
    assert (await collect(gateway.stream(pass_, CALL))).failures == ()
