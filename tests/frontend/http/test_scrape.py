import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontend.errors import BackendUnavailable
from frontend.http.scrape import list_described, markdown_table
from frontend.jobs.gauges import JobGauges
from frontend.observe.metrics import Described
from frontend.triton.gateway import Catalog
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway
from tritone.card import ModelCard

SOUND = "/v1/audio/generate"
SECRET = "a-prompt-nobody-may-see"
EVERYTHING = list_described()
MEASURES = ("_seconds", "_bytes", "_dbfs")
UNITS = (*MEASURES, "_total", "_info", "_up", "_ready")
COUNTED_THINGS = {  # gauges without a unit
    "tritone_jobs",
    "tritone_job_consumers",
    "tritone_webhooks_pending",
    "tritone_passes_in_flight",
    "tritone_passes_waiting",
    "tritone_tritons",
}
UNBOUNDED = {"prompt", "key", "owner", "job", "job_id", "request_id", "path", "host", "url"}


def families(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize("metric", EVERYTHING, ids=lambda each: each.name)
def test_names_and_labels_follow_the_conventions(metric: Described) -> None:
    name, kind, labels = metric.name, metric.kind, metric.labels
    assert re.fullmatch(r"tritone_[a-z]+(_[a-z]+)*", name)
    assert name.endswith(UNITS) or name in COUNTED_THINGS
    assert (kind == "counter") == name.endswith("_total")
    assert kind != "histogram" or name.endswith(MEASURES)
    assert not UNBOUNDED & set(labels)
    assert metric.meaning.endswith(".")


def test_no_name_is_used_twice() -> None:
    names = [each.name for each in EVERYTHING]
    assert len(names) == len(set(names))


async def test_no_prompt_and_no_id_is_in_the_metrics(
    gateway: FakeGateway, client_of: ClientFactory
) -> None:
    async with client_of(gateway) as client:
        headers = {"x-request-id": "an-id", "xi-api-key": "a-key"}
        await client.post(SOUND, json={"input": SECRET, "audio_length": 1}, headers=headers)
        await client.get(f"/{SECRET}")
        text = (await client.get("/metrics")).text
    assert not [word for word in (SECRET, "an-id", "a-key") if word in text]


async def test_promtool_has_nothing_to_complain_of(
    gateway: FakeGateway, client_of: ClientFactory
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    async with client_of(gateway) as client:
        await client.post(SOUND, json={"input": "rain", "audio_length": 1})
        text = (await client.get("/metrics")).text
    done = await asyncio.to_thread(
        subprocess.run,
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("tritone_")] == []


async def test_the_state_of_triton_and_its_models_is_shown(
    card: ModelCard, client_of: ClientFactory
) -> None:
    gateway = FakeGateway(Catalog(cards=(card,), away=frozenset({"large"})))
    async with client_of(gateway) as client:
        text = (await client.get("/metrics")).text
    assert 'tritone_model_ready{model="starter"} 1.0' in text
    assert 'tritone_model_ready{model="large"} 0.0' in text


async def test_metrics_are_there_without_triton(
    gateway: FakeGateway, client_of: ClientFactory
) -> None:
    gateway.unreachable = BackendUnavailable("away")
    async with client_of(gateway) as client:
        text = (await client.get("/metrics")).text
    assert "tritone_triton_up 0.0" in text
    assert 'tritone_model_ready{model="' not in text


async def test_the_disk_of_the_files_is_shown(
    gateway: FakeGateway, client_of: ClientFactory, tmp_path: Path
) -> None:
    async with client_of(gateway, make_settings(storage={"url": str(tmp_path)})) as client:
        text = (await client.get("/metrics")).text
    assert {"tritone_storage_free_bytes", "tritone_storage_size_bytes"} <= families(text)
    async with client_of(gateway, make_settings(storage={"url": "s3://bucket"})) as client:
        text = (await client.get("/metrics")).text
    assert "tritone_storage_free_bytes" not in families(text)


class _Away:
    async def count_jobs(self) -> None:
        raise BackendUnavailable("away")


class _Jobs:
    store = _Away()


async def test_a_database_that_is_away_leaves_no_stale_numbers() -> None:
    gauges = JobGauges()
    assert list(gauges.collect()) == []
    await gauges.refresh(_Jobs())  # type: ignore[arg-type]
    assert [(each.name, each.samples[0].value) for each in gauges.collect()] == [
        ("tritone_job_database_up", 0.0)
    ]


def test_the_table_has_a_row_for_every_metric() -> None:
    rows = markdown_table(EVERYTHING).splitlines()[2:]
    assert len(rows) == len(EVERYTHING)
    assert any("`contract`, `status`, `model`, `version`" in row for row in rows)
