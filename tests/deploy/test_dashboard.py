import json
from pathlib import Path

import pytest

from deploy.grafana.__main__ import FILE
from deploy.grafana.dashboard import dashboard_json
from deploy.grafana.panels import ROWS, Query
from tests.deploy.promql import assert_answerable

QUERIES = [query for panels in ROWS.values() for panel in panels for query in panel.queries]


def test_the_committed_dashboard_is_what_the_code_makes() -> None:
    assert Path(__file__).parents[2] / "deploy/grafana/tritone.json" == FILE
    assert FILE.read_text() == dashboard_json(), "run `python -m deploy.grafana`"


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.expr[:60])
def test_every_query_asks_for_what_there_is(query: Query) -> None:
    assert_answerable(query.expr)


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = json.loads(dashboard_json())["panels"]
    every = [*panels, *(inner for row in panels for inner in row.get("panels", []))]
    assert len({panel["id"] for panel in every}) == len(every)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in every}
    assert len(places) == len(every)
    graphs = [panel for panel in every if panel["type"] != "row"]
    assert len(graphs) == sum(len(row) for row in ROWS.values())
    for panel in graphs:
        assert panel["options"] is not None
        refs = [target["refId"] for target in panel["targets"]]
        assert all(refs)
        assert len(set(refs)) == len(refs)


@pytest.mark.parametrize(
    "expr",
    [
        pytest.param("sum(rate(tritone_jobs[5m])", id="not PromQL"),
        pytest.param("sum(tritone_no_such_total)", id="no such metric"),
        pytest.param('max(tritone_jobs{job_id="1"})', id="no such label"),
        pytest.param("up / sum by (x) (rate(tritone_gone[5m]))", id="deep inside"),
    ],
)
def test_the_check_would_notice(expr: str) -> None:
    with pytest.raises((ValueError, AssertionError)):
        assert_answerable(expr)
