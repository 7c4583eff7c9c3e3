"""Requests made from /openapi.json: every answer is one that it shows, and none is our fault."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from frontend.contracts.musicgpt.routes import SUBMIT_PATHS
from frontend.contracts.serving import include_contracts
from frontend.contracts.table import CONTRACTS
from ops.stack.postgres import EmbeddedPostgres
from tests.live import KEY, live_server

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EXAMPLES, MANY = 12, 50  # of each operation


def _document() -> dict[str, object]:
    """Return the document without what is served twice: by itself, and at the root."""
    app = FastAPI()
    include_contracts(app)
    document = app.openapi()
    names = [contract.name for contract in CONTRACTS if contract.has_prefix]
    twice = {path.removeprefix(f"/{name}") for path in document["paths"] for name in names}
    shared = {"/v1/sound-generation", "/v1/models", "/v1/models/{model_id}"}
    other_names = {f"/musicgpt{path}" for path in SUBMIT_PATHS[1:]}  # of one route
    by_itself = tuple(f"/{name}/" for name in names)
    document["paths"] = {
        path: operations
        for path, operations in document["paths"].items()
        if path not in other_names
        and (path.startswith(by_itself) or path not in twice or path in shared)
    }
    return document


schema = schemathesis.openapi.from_dict(_document())
# Every bound of every field, hundreds of requests of each operation: the drill makes them.
schema.config.phases.coverage.enabled = False
thorough_schema = schemathesis.openapi.from_dict(_document())


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with live_server(postgres, tmp_path_factory.mktemp("files"), max_seconds=12.0) as live:
        yield live.url


def examples_of_each(n: int) -> settings:
    return settings(
        max_examples=n,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )


# The server's thread draws random numbers too, and hypothesis takes them for a strategy's.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")


@schema.parametrize()
@examples_of_each(EXAMPLES)
def test_every_answer_is_documented_and_none_is_a_server_error(
    case: schemathesis.Case[Any], url: str
) -> None:
    ask(case, url)


@pytest.mark.drill
@thorough_schema.parametrize()
@examples_of_each(MANY)
def test_every_answer_to_every_bound_is_documented_and_none_is_a_server_error(
    case: schemathesis.Case[Any], url: str
) -> None:
    ask(case, url)


def ask(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url, headers={"xi-api-key": KEY}, checks=CHECKS, timeout=30)
