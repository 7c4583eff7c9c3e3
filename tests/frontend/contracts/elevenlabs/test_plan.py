from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.contracts.elevenlabs.plan import LONGEST_SECTION_MS, CompositionPlan, make_plan
from tests.fakes import FakeGateway

SECTION: dict[str, Any] = {
    "section_name": "Verse",
    "positive_local_styles": ["soft"],
    "negative_local_styles": ["shouting"],
    "duration_ms": 3000,
    "lines": [],
}
PLAN: dict[str, Any] = {
    "positive_global_styles": ["waltz", "strings"],
    "negative_global_styles": ["drums"],
    "sections": [SECTION],
}


async def test_a_prompts_words_are_sorted_into_wanted_and_unwanted(
    client: httpx2.AsyncClient,
) -> None:
    body = {"prompt": "a slow waltz, strings, no drums, without a voice", "music_length_ms": 10_000}
    response = await client.post("/v1/music/plan", json=body)
    assert response.status_code == 200, response.text
    plan = response.json()
    assert plan["positive_global_styles"] == ["a slow waltz", "strings"]
    assert plan["negative_global_styles"] == ["drums", "a voice"]
    (section,) = plan["sections"]
    assert (section["duration_ms"], section["lines"]) == (10_000, [])


async def test_a_plan_without_a_length_has_the_models(client: httpx2.AsyncClient) -> None:
    plan = (await client.post("/v1/music/plan", json={"prompt": "a waltz"})).json()
    assert [section["duration_ms"] for section in plan["sections"]] == [5000]


async def test_a_source_keeps_its_styles_and_is_stretched(client: httpx2.AsyncClient) -> None:
    source = PLAN | {"sections": [SECTION, SECTION | {"duration_ms": 6000}]}
    body = {"prompt": "a flute", "music_length_ms": 18_000, "source_composition_plan": source}
    plan = (await client.post("/v1/music/plan", json=body)).json()
    assert plan["positive_global_styles"] == ["waltz", "strings", "a flute"]
    assert [section["duration_ms"] for section in plan["sections"]] == [6000, 12_000]


@pytest.mark.parametrize("path", ["/v1/music", "/v1/music/stream"])
async def test_a_plan_becomes_music(
    path: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(path, json={"composition_plan": PLAN, "seed": 1})
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-seconds"] == "3"
    assert "x-tritone-note" not in response.headers
    (request,) = gateway.passes
    assert request.prompt == "waltz, strings, soft"
    assert request.controls == {"negative_prompt": "drums, shouting"}


async def test_what_a_plan_asks_too_much_is_said(client: httpx2.AsyncClient) -> None:
    loud = SECTION | {"positive_local_styles": ["loud"], "lines": ["la la"]}
    body = {"composition_plan": PLAN | {"sections": [SECTION, loud]}}
    note = (await client.post("/v1/music", json=body)).headers["x-tritone-note"]
    assert "sections made as one" in note
    assert "left out: lyrics" in note


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": "a", "composition_plan": PLAN}, "prompt"),
        ({"composition_plan": PLAN | {"sections": []}}, "composition_plan"),
        ({"composition_plan": {"chunks": []}}, "composition_plan"),
        ({"composition_plan": PLAN | {"sections": [SECTION] * 201}}, "composition_plan"),
        (
            {"composition_plan": PLAN | {"sections": [SECTION | {"duration_ms": 120_000}] * 6}},
            "composition_plan",
        ),
        (
            {"composition_plan": PLAN | {"sections": [SECTION | {"duration_ms": 2999}]}},
            "composition_plan",
        ),
        (
            {"composition_plan": PLAN | {"sections": [SECTION | {"source_from": {}}]}},
            "composition_plan",
        ),
    ],
)
async def test_a_bad_plan_is_a_422_that_names_it(
    body: dict[str, object], field: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post("/v1/music", json=body)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["body", field]


async def test_a_plan_that_says_nothing_is_refused(client: httpx2.AsyncClient) -> None:
    silent = SECTION | {"positive_local_styles": []}
    body = {"composition_plan": PLAN | {"positive_global_styles": [" "], "sections": [silent]}}
    response = await client.post("/v1/music", json=body)
    assert "at least one positive style" in response.json()["detail"][0]["msg"]


@given(st.text(min_size=1).filter(lambda text: bool(text.strip())), st.integers(3000, 600_000))
def test_every_prompt_has_a_plan_of_its_length_that_says_something(text: str, length: int) -> None:
    text = text.encode(errors="ignore").decode().replace("\0", "") or "x"
    plan = make_plan(text, length)
    assert plan.milliseconds == length
    assert max(section.duration_ms for section in plan.sections) <= LONGEST_SECTION_MS
    assert plan.positive_global_styles
    assert CompositionPlan.model_validate_json(plan.model_dump_json()) == plan
