"""One load of every kind through the real frontend, from its clips to a page of figures."""

from dataclasses import asdict
from pathlib import Path

import httpx2
import pytest

from benchmarks import readme
from benchmarks.arrivals import poisson
from benchmarks.endpoints import Ask, Endpoint, elevenlabs, localai, vllm_omni
from benchmarks.load import Run, closed_loop, open_loop
from benchmarks.report import Table, write
from benchmarks.summary import summarize
from benchmarks.workload import QUICK, clips


async def run_both_loops(client: httpx2.AsyncClient, ask: Ask) -> list[Run]:
    send = Endpoint("ours", "", ask).sender(client, clips())
    arrivals = poisson(50.0, QUICK.arrivals, seed=1)
    closed = await closed_loop(send, n_requests=QUICK.closed(2), concurrency=2)
    return [closed, await open_loop(send, arrivals)]


@pytest.mark.parametrize("ask", [vllm_omni, elevenlabs, localai], ids=lambda ask: ask.__name__)
async def test_a_load_becomes_a_table_of_the_page(
    client: httpx2.AsyncClient, ask: Ask, tmp_path: Path
) -> None:
    summaries = [summarize(run) for run in await run_both_loops(client, ask)]
    assert [(each.n_requests, each.n_failed) for each in summaries] == [(2, 0), (5, 0)]
    rows = tuple((ask.__name__, each.per_s, each.p50_s) for each in summaries)
    table = Table("Loads", ("contract", "clips/s", "p50, s"), rows)
    write("promises", [asdict(each) for each in summaries], [table], quick=False, folder=tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"{readme.BEGIN}\n{readme.END}\n")
    readme.update(page, tmp_path)
    assert f"| {ask.__name__} | " in page.read_text()
