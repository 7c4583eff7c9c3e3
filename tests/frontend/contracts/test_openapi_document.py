"""`docs/openapi.json` is what is served, leads nowhere wrong, and its examples work as printed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frontend.openapi import make_document
from tests.frontend.contracts.workbench import Workbench

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"
_STAND_IN = "voice anna stands in for alloy"  # each service's example names its own voice
_LARGEST_EXAMPLE_NUMBER = 600_000

Example = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(make_document())
    return made


def _walk(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _walk(each)


def _examples(document: dict[str, Any]) -> Iterator[tuple[str, str, Example]]:
    """Yield path, media type and example of every POST that takes a body."""
    for path, operations in document["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        for media_type, shown in content.items():
            examples = shown.get("examples") or {"": {"value": shown.get("example")}}
            for example in examples.values():
                yield path, media_type, example["value"]


def test_the_committed_document_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == document, "run `make openapi` and review the diff"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for part in _walk(document):
        if "$ref" in part:
            target: Any = document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [part["operationId"] for part in _walk(document["paths"]) if "operationId" in part]
    assert len(names) == len(set(names))


def test_metrics_are_text(document: dict[str, Any]) -> None:
    answer = document["paths"]["/metrics"]["get"]["responses"]["200"]
    assert list(answer["content"]) == ["text/plain"]


async def test_every_example_works_as_printed(document: dict[str, Any], bench: Workbench) -> None:
    job = (await bench.client.post("/jobs", json={"prompt": "rain", "seconds": 1})).json()
    await bench.work_off(job["id"])
    added = await bench.client.post(
        "/v1/pronunciation-dictionaries/add-from-rules", json={"name": "names", "rules": []}
    )
    ids = {"voice_id": "anna", "pronunciation_dictionary_id": added.json()["id"]}
    answers = {}
    for path, media_type, printed in _examples(document):
        assert printed, f"{path} has no example"
        # Nobody can print the id of a sound that is not made yet.
        is_download = "history_item_ids" in printed
        example = {"history_item_ids": [job["id"]]} if is_download else printed
        numbers = [value for value in example.values() if isinstance(value, int | float)]
        assert max(numbers, default=0) <= _LARGEST_EXAMPLE_NUMBER
        if media_type == "application/json":
            response = await bench.client.post(path.format(**ids), json=example)
        elif media_type == "multipart/form-data":
            fields = {name: (None, str(value)) for name, value in example.items()}
            response = await bench.client.post(path, files=fields)
        else:
            response = await bench.client.post(path, data=example)
        note = response.headers.get("x-tritone-note", "").replace(_STAND_IN, "")
        answers[path, media_type] = (response.status_code, note)
    assert len({path for path, _ in answers}) == 53  # and `redeliver`, which takes no body
    assert {key: each for key, each in answers.items() if each[0] >= 300 or each[1]} == {}
