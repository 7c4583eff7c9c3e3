"""Which metrics PromQL asks for, and which there are."""

from collections.abc import Iterator

import promql_parser
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from frontend.http.scrape import list_described
from frontend.observe.metrics import Described
from tests.test_metrics_page import PAGE, denoiser_metrics

_INTERVALS = {"$__rate_interval": "5m"}
_OF_PROMETHEUS = {"up", "ALERTS"}


def parsed(expr: str) -> promql_parser.Expr:
    """Return the expression's tree; raises ValueError for what is not PromQL."""
    for variable, value in _INTERVALS.items():
        expr = expr.replace(variable, value)
    return promql_parser.parse(expr)


def selectors(expr: promql_parser.Expr) -> Iterator[promql_parser.VectorSelector]:
    """Yield every selector of metrics in a tree."""
    if isinstance(expr, promql_parser.VectorSelector):
        yield expr
    parts = ("expr", "lhs", "rhs", "vector_selector", "param")
    for part in parts:
        inner = getattr(expr, part, None)
        if isinstance(inner, promql_parser.Expr):
            yield from selectors(inner)
    for argument in getattr(expr, "args", None) or ():
        yield from selectors(argument)


def _series(metric: Described) -> set[str]:
    if metric.kind == "histogram":
        return {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return {metric.name}


def known_series() -> dict[str, set[str]]:
    """Return every series that is exported, with its labels; Triton's own are those of the page."""
    found = {
        name: {*metric.labels, *({"le"} if name.endswith("_bucket") else ())}
        for metric in (*list_described(), *denoiser_metrics())
        for name in _series(metric)
    }
    rows = [row.split("|")[1].strip(" `") for row in PAGE.splitlines() if row.startswith("| `nv_")]
    found |= {name: {"model", "version", "reason"} for name in rows}
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    found |= {sample.name: set() for family in registry.collect() for sample in family.samples}
    return found | {name: set() for name in _OF_PROMETHEUS}


def assert_answerable(expr: str) -> None:
    """Assert that an expression is PromQL over metrics and labels that exist."""
    known = known_series()
    asked = list(selectors(parsed(expr)))
    assert asked, expr
    for selector in asked:
        assert selector.name in known, f"{selector.name} in {expr}"
        if selector.name.startswith("tritone_"):
            wanted = {each.name for each in selector.matchers.matchers}
            assert wanted <= known[selector.name], f"{wanted} in {expr}"
