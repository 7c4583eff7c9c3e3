from dataclasses import replace
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs
from tritonclient.grpc import service_pb2, service_pb2_grpc

from frontend.errors import (
    BackendUnavailable,
    GenerationFailed,
)
from frontend.settings import TritonSettings
from frontend.triton.gateway import Catalog
from frontend.triton.single import SingleTriton
from tests.fake_triton import (
    FakeTriton,
)
from tests.frontend.triton.servers import (
    eventually,
)
from tritone.card import ModelCard, component_name


async def test_ensembles_with_a_card_are_served(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(replace(card, name="beta"))
    triton.serve(replace(card, name="alpha"))
    triton.serve(replace(card, name=component_name("alpha", "denoiser")), platform="")
    triton.serve(replace(card, name="other"), platform="onnxruntime_onnx")
    triton.index.append(("cardless", "1", "READY"))
    triton.configs["cardless"] = service_pb2.ModelConfigResponse()
    triton.configs["cardless"].config.platform = "ensemble"
    catalog = await gateway.refresh()
    assert [each.name for each in catalog.cards] == ["alpha", "beta"]
    assert catalog == gateway.catalog
    assert catalog.away == frozenset()


async def test_the_version_is_the_named_one_or_the_newest_that_is_loaded(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    triton.index.append(("starter", "3", "READY"))
    assert (await gateway.refresh()).versions == {"starter": 3}
    steps = triton.configs["starter"].config.ensemble_scheduling.step
    steps.add(model_name="starter_tokenizer", model_version=2)
    assert (await gateway.refresh()).versions == {"starter": 2}


async def test_a_models_name_is_tritons(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    triton.index = [("copy", "1", "READY")]
    triton.configs["copy"] = triton.configs["starter"]
    assert [each.name for each in (await gateway.refresh()).cards] == ["copy"]


async def test_models_that_are_not_ready_are_away(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.index = [("loading", "1", "LOADING"), ("gone", "1", "UNAVAILABLE"), ("never", "", "")]
    triton.serve(card)
    triton.index.append(("starter", "2", "UNAVAILABLE"))  # a version that failed to load
    catalog = await gateway.refresh()
    assert catalog.away == {"loading", "gone"}
    assert [each.name for each in catalog.cards] == ["starter"]


async def test_a_model_that_loads_again_is_missed_until_it_is_back(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    assert (await gateway.refresh()).missed == ()
    triton.index = [("starter", "1", "LOADING"), ("never-seen", "1", "LOADING")]
    for _ in range(2):  # for as long as it results
        assert (await gateway.refresh()).missed == (card,)
    triton.index = [("starter", "1", "READY")]
    catalog = await gateway.refresh()
    assert (catalog.cards, catalog.missed) == ((card,), ())


async def test_a_model_that_left_the_repository_is_not_missed(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    await gateway.refresh()
    triton.index = []
    assert await gateway.refresh() == Catalog()


async def test_a_model_that_leaves_while_being_read_is_skipped(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    triton.index = [("leaving", "1", "READY")]
    assert (await gateway.refresh()).cards == ()


async def test_a_card_of_another_release_is_logged_and_skipped(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    parameters: Any = triton.configs["starter"].config.parameters
    parameters["tritone_card"].string_value = '{"name": "starter"}'
    with capture_logs() as logs:
        assert (await gateway.refresh()).cards == ()
    assert logs[0]["event"] == "bad_model_card"


async def test_a_config_that_cannot_be_read_is_an_error(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton.serve(card)
    monkeypatch.setattr(triton, "configs", None)  # the servicer fails
    with pytest.raises(GenerationFailed):
        await gateway.refresh()


async def test_new_models_appear_by_themselves(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    await gateway.open()
    assert gateway.catalog == Catalog()
    triton.serve(card)
    await eventually(lambda: bool(gateway.catalog.cards))


async def test_a_triton_that_is_away_is_found_when_it_comes(card: ModelCard) -> None:
    place = grpc.aio.server()
    port = place.add_insecure_port("127.0.0.1:0")
    await place.start()
    await place.stop(grace=None)
    # However seldom new models are looked for: who is away is missed by somebody.
    gateway = SingleTriton(TritonSettings(url=f"127.0.0.1:{port}", refresh_s=300.0))
    with capture_logs() as logs:
        await gateway.open()
        with pytest.raises(BackendUnavailable):
            await gateway.refresh()
    changes = [line for line in logs if line["log_level"] != "debug"]
    assert [line["event"] for line in changes] == ["triton_reachable"]  # one line, however long
    triton, back = FakeTriton(), grpc.aio.server()
    triton.serve(card)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, back)
    back.add_insecure_port(f"127.0.0.1:{port}")
    await back.start()
    await eventually(lambda: bool(gateway.catalog.cards))
    await back.stop(grace=None)
    with pytest.raises(BackendUnavailable):
        await gateway.refresh()
    assert gateway.catalog.cards == (card,)  # bad requests are still told what is wrong with them
    await gateway.close()


async def test_closing_what_was_never_opened_is_fine() -> None:
    await SingleTriton(TritonSettings()).close()
